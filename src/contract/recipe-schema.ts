import { z } from 'zod';
import { closed } from './closed-object.js';
import { nearestWord } from './nearest-word.js';
import { shownValue } from './problem.js';
import { parseRawParams } from './raw-params.js';
import { type Area, RECIPE_NAMES, type Recipe } from './recipes.js';
import { smartEraseTaskSchema } from './smart-erase-task-schema.js';

/** The vendor recommends at most ten areas (Smart Erase tutorial, custom_objs); `raw` allows more. */
const MAX_AREAS = 10;
/** Time ranges in one recipe. Ours: keeps a request well below the vendor's limits. */
const MAX_STRETCHES = 100;
/** Wider than any video. Ours. */
const MAX_PIXELS = 16_384;
/** `output_patten` has to be shorter than 200 characters. Source: Smart Erase tutorial, appendix. */
const MAX_OUTPUT_NAME = 199;

const length = z.number().min(0).max(MAX_PIXELS);
const corners = { left: length, top: length, right: length, bottom: length };

/** The vendor distinguishes ratios from pixels by value alone, so a rectangle must not mix them. */
function checkArea(area: Area, ctx: z.RefinementCtx): void {
  if (area.left >= area.right || area.top >= area.bottom) {
    ctx.addIssue({ code: 'custom', message: 'is empty: left has to be below right, and top below bottom.' });
  }
  const values = [area.left, area.top, area.right, area.bottom];
  if (values.some((value) => value > 1) && values.some((value) => value > 0 && value <= 1)) {
    ctx.addIssue({
      code: 'custom',
      message: 'mixes ratios (up to 1) and pixels (above 1); write all four in the same unit.',
    });
  }
}

/** In timed areas the vendor reads 1 as a pixel, elsewhere as the whole width. Source: Smart Erase tutorial. */
function checkTimedArea(area: Area, ctx: z.RefinementCtx): void {
  checkArea(area, ctx);
  if (area.right === 1 || area.bottom === 1) {
    ctx.addIssue({
      code: 'custom',
      message: 'has a side at 1, which the vendor reads as one pixel here; write 0.9999.',
    });
  }
}

const typed = { ...corners, type: z.enum(['logo', 'text']).default('text') };
const areas = z.array(closed(corners).superRefine(checkArea)).min(1).max(MAX_AREAS);
const typedAreas = z.array(closed(typed).superRefine(checkArea)).min(1).max(MAX_AREAS);

function timedAreasOf<A extends z.ZodType<Area>>(area: A) {
  const stretch = closed({
    beginMs: z.int().min(0).optional(),
    endMs: z.int().min(1).optional(),
    areas: z.array(area).min(1).max(MAX_AREAS),
  }).superRefine((given, ctx) => {
    if (given.beginMs !== undefined && given.endMs !== undefined && given.beginMs >= given.endMs) {
      ctx.addIssue({ code: 'custom', message: 'ends before it begins: beginMs has to be below endMs.' });
    }
  });
  return z.array(stretch).min(1).max(MAX_STRETCHES);
}

const timedAreas = timedAreasOf(closed(corners).superRefine(checkTimedArea));
const typedTimedAreas = timedAreasOf(closed(typed).superRefine(checkTimedArea));

const textHeight = closed({ min: length.optional(), max: length.optional() }).superRefine((given, ctx) => {
  const { min, max } = given;
  if (min === undefined && max === undefined) {
    ctx.addIssue({ code: 'custom', message: 'needs min, max or both.' });
  }
  // The vendor's own example mixes pixels and a ratio here, so only equal units are compared.
  if (min !== undefined && max !== undefined && min > 1 === max > 1 && min > max) {
    ctx.addIssue({ code: 'custom', message: 'is empty: min has to be at most max.' });
  }
});

const language = z.string().regex(/^[a-z]{2,3}([-_][A-Za-z]{2,4})?$/, 'must be a language code, such as "en".');
const translate = closed({ to: language, from: language.optional() });
const format = z.enum(['srt', 'vtt']);
const minDurationMs = z.int().min(0).max(3_600_000);
const outputName = z
  .string()
  .min(1)
  .max(MAX_OUTPUT_NAME)
  .regex(
    /^(?:[\p{L}\p{M}\p{N}._-]|\{task_type\}|\{session_id\})+$/u,
    'may hold letters, digits, ".", "_", "-", {task_type} and {session_id} only.',
  );

const embed = closed({
  draw: z.boolean().optional(),
  marginBottom: length.optional(),
  fontSize: length.optional(),
  font: z.enum(['simkai', 'hei', 'song', 'auto']).optional(),
}).refine((given) => Object.keys(given).length > 0, 'is empty; leave it out instead.');

const read = { areas: areas.optional(), textHeight: textHeight.optional() };
const erase = { ...read, timedAreas: timedAreas.optional() };

/** `params` of `raw`: an object or its JSON text, converted to one form. */
const rawParams = z
  .union([z.string(), z.record(z.string(), z.unknown())], {
    error: (issue) => (issue.input === undefined ? 'is missing.' : 'must be an object, or its JSON text.'),
  })
  .transform((given, ctx) => {
    const parsed = parseRawParams(given);
    if ('params' in parsed) {
      return parsed.params;
    }
    for (const { path, message } of parsed.problems) {
      ctx.addIssue({ code: 'custom', path: path.split('.').slice(1), message });
    }
    return z.NEVER;
  });

const plain = <N extends string>(name: N) => closed({ name: z.literal(name) });

/** Any recipe, with only its own options. */
export const recipeSchema = z.discriminatedUnion(
  'name',
  [
    plain('logo-basic'),
    closed({ name: z.literal('logo'), areas: areas.optional(), timedAreas: timedAreas.optional() }),
    closed({ name: z.literal('subtitles'), ...erase }),
    closed({ name: z.literal('subtitles-area'), ...erase }),
    closed({
      name: z.literal('subtitles-extract'),
      ...read,
      translate: translate.optional(),
      format: format.default('vtt'),
      minDurationMs: minDurationMs.optional(),
      outputName: outputName.optional(),
    }),
    closed({
      name: z.literal('subtitles-translate'),
      ...read,
      translate: translate.default({ to: 'en' }),
      format: format.optional(),
      minDurationMs: minDurationMs.optional(),
      embed: embed.optional(),
      outputName: outputName.optional(),
    }),
    closed({
      name: z.literal('subtitles-and-logo'),
      areas: typedAreas.optional(),
      textHeight: textHeight.optional(),
      timedAreas: typedTimedAreas.optional(),
    }),
    plain('faces-blur'),
    plain('faces-mosaic'),
    plain('faces-and-plates-mosaic'),
    closed({ name: z.literal('raw'), params: rawParams }),
    smartEraseTaskSchema,
  ],
  { error: unknownName },
) satisfies z.ZodType<Recipe>;

function unknownName(issue: { code?: string; input?: unknown }): string | undefined {
  if (issue.code !== 'invalid_union') {
    return undefined;
  }
  const name = (issue.input as { name?: unknown } | undefined)?.name;
  if (name === undefined) {
    return `is missing; it names what to erase: ${RECIPE_NAMES.join(', ')}.`;
  }
  const near = typeof name === 'string' ? nearestWord(name, RECIPE_NAMES) : null;
  const hint = near === null ? `the recipes are ${RECIPE_NAMES.join(', ')}.` : `did you mean ${JSON.stringify(near)}?`;
  return `is ${shownValue(name)}, which is not a recipe; ${hint}`;
}

/** Validates a recipe that is expected to be valid, and fills in its defaults. Throws a ZodError on an invalid one. */
export function normalizeRecipe(recipe: unknown): Recipe {
  return recipeSchema.parse(recipe);
}

/**
 * The recipes. This file is plain data for the CLI, the documents and workflow code; `recipe-schema.ts` validates the shapes, and
 * `tencent-vod/recipe-params.ts` makes the vendor's parameters.
 */
import type { PriceItem } from './price-list.js';
import type { RecipeRequest } from './request.js';

/** A rectangle on the picture. At most 1 is a ratio of width or height, above 1 is pixels; one unit per rectangle. */
export interface Area {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export type AreaType = 'logo' | 'text';

/** An area of the recipe that erases both subtitles and logos; it states its content. */
export interface TypedArea extends Area {
  /** Default `text`. */
  type: AreaType;
}

/** Rectangles erased without recognition, in a time range. */
export interface TimedAreas<A extends Area = Area> {
  /** Milliseconds; default: from the start. */
  beginMs?: number;
  /** Milliseconds; default: to the end. */
  endMs?: number;
  areas: A[];
}

/** Height of text that counts as a subtitle. At most 1 is a ratio of the picture's height, above 1 is pixels. */
export interface TextHeight {
  min?: number;
  max?: number;
}

export interface Translate {
  /** Target language, such as `en`, `zh`, `ja`, `ko`, `de`, `pt`, `id`, `th`, `ms`. */
  to: string;
  /** Source language; default: detected by the vendor. */
  from?: string;
}

/** How translated subtitles are drawn into the picture. */
export interface Embed {
  /** False: erase and translate only. */
  draw?: boolean;
  /** Distance from the lower edge: at most 1 is a ratio of the height, above 1 is pixels. */
  marginBottom?: number;
  /** At most 1 is a ratio of the height, above 1 is pixels. */
  fontSize?: number;
  font?: 'simkai' | 'hei' | 'song' | 'auto';
}

export type SubtitleFormat = 'srt' | 'vtt';

export interface LogoRecipe {
  name: 'logo';
  areas?: Area[];
  timedAreas?: TimedAreas[];
}

export interface SubtitlesRecipe {
  name: 'subtitles' | 'subtitles-area';
  areas?: Area[];
  textHeight?: TextHeight;
  timedAreas?: TimedAreas[];
}

export interface SubtitlesExtractRecipe {
  name: 'subtitles-extract';
  areas?: Area[];
  textHeight?: TextHeight;
  /** Default: no translation. */
  translate?: Translate;
  /** Default `vtt`. */
  format: SubtitleFormat;
  /** Subtitles shown for less time are omitted. Milliseconds. */
  minDurationMs?: number;
  /** Name of the subtitle file, below 200 characters; may contain `{task_type}` and `{session_id}`. */
  outputName?: string;
}

export interface SubtitlesTranslateRecipe {
  name: 'subtitles-translate';
  areas?: Area[];
  textHeight?: TextHeight;
  /** Default `{"to": "en"}`. */
  translate: Translate;
  /** Default: the vendor's own (WebVTT). */
  format?: SubtitleFormat;
  minDurationMs?: number;
  embed?: Embed;
  outputName?: string;
}

export interface SubtitlesAndLogoRecipe {
  name: 'subtitles-and-logo';
  areas?: TypedArea[];
  textHeight?: TextHeight;
  timedAreas?: TimedAreas<TypedArea>[];
}

export interface PlainRecipe {
  name: 'logo-basic' | 'faces-blur' | 'faces-mosaic' | 'faces-and-plates-mosaic';
}

/** A caller's own MPSProcessMediaParams, parsed, so that formatting does not change what is paid for. */
export interface RawRecipe {
  name: 'raw';
  params: { AiAnalysisTask: { Definition: 25; ExtendedParameter?: { delogo: Record<string, unknown> } } };
}

/** The typed route, in the vendor's own field names. */
export interface SmartEraseTaskRecipe {
  name: 'smart-erase-task';
  /** Id of a Smart Erase template; 0 with `rawParameter`. */
  definition: number;
  rawParameter?: Record<string, unknown>;
  overrideParameter?: Record<string, unknown>;
}

/** A recipe after validation and defaults. */
export type Recipe =
  | PlainRecipe
  | LogoRecipe
  | SubtitlesRecipe
  | SubtitlesExtractRecipe
  | SubtitlesTranslateRecipe
  | SubtitlesAndLogoRecipe
  | RawRecipe
  | SmartEraseTaskRecipe;

export type RecipeName = Recipe['name'];

export interface RecipeEntry {
  readonly title: string;
  /** Description, in one sentence. */
  readonly does: string;
  /** Option name → its meaning. */
  readonly options: Readonly<Record<string, string>>;
  /** Kinds of file that a successful task makes. */
  readonly makes: readonly ('video' | 'subtitles')[];
  /** Billed items; empty where they depend on the parameters. */
  readonly priceItems: readonly PriceItem[];
}

const AREAS = 'where to look: rectangles {left, top, right, bottom}, each as ratios up to 1 or as pixels; default: ';
const TIMED =
  'rectangles erased as they are, nothing outside them: [{beginMs?, endMs?, areas}]; ratios below 1, or pixels';
const TEXT_HEIGHT = 'height of the text that counts: {min?, max?}, each a ratio up to 1 or pixels';
const LOWER_MIDDLE = 'the lower middle of the picture';
const TRANSLATE = '{to, from?}: language codes, such as en, zh, ja, ko, de, pt, id, th, ms';
const OUTPUT_NAME = 'name of the subtitle file, below 200 characters; may hold {task_type} and {session_id}';
const MIN_DURATION = 'subtitles that show for fewer milliseconds are left out';

export const RECIPES: Readonly<Record<RecipeName, RecipeEntry>> = {
  'logo-basic': {
    title: 'Logo, basic edition',
    does: 'Blurs the logos that the vendor knows.',
    options: {},
    makes: ['video'],
    priceItems: ['logoBasic'],
  },
  logo: {
    title: 'Logo, advanced edition',
    does: 'Removes logos without traces.',
    options: { areas: `${AREAS}the whole picture`, timedAreas: TIMED },
    makes: ['video'],
    priceItems: ['logoAdvanced'],
  },
  subtitles: {
    title: 'Subtitles, standard edition',
    does: 'Removes subtitles of an ordinary style without traces.',
    options: { areas: AREAS + LOWER_MIDDLE, textHeight: TEXT_HEIGHT, timedAreas: TIMED },
    makes: ['video'],
    priceItems: ['subtitleRemoval'],
  },
  'subtitles-area': {
    title: 'Subtitles, area edition',
    does: 'Removes subtitles with fancy fonts, shadows or effects; erases a larger area.',
    options: { areas: AREAS + LOWER_MIDDLE, textHeight: TEXT_HEIGHT, timedAreas: TIMED },
    makes: ['video'],
    priceItems: ['subtitleRemoval'],
  },
  'subtitles-extract': {
    title: 'Subtitles, read only',
    does: 'Reads the subtitles off the picture into a file, translated if asked; the video stays as it is.',
    options: {
      areas: AREAS + LOWER_MIDDLE,
      textHeight: TEXT_HEIGHT,
      translate: `${TRANSLATE}; default: no translation`,
      format: 'srt or vtt; default vtt',
      minDurationMs: MIN_DURATION,
      outputName: OUTPUT_NAME,
    },
    makes: ['subtitles'],
    priceItems: ['ocrExtract'],
  },
  'subtitles-translate': {
    title: 'Subtitles, erased and translated',
    does: 'Removes the subtitles, translates them and draws the translation into the picture.',
    options: {
      areas: AREAS + LOWER_MIDDLE,
      textHeight: TEXT_HEIGHT,
      translate: `${TRANSLATE}; default {"to": "en"}`,
      format: 'srt or vtt',
      minDurationMs: MIN_DURATION,
      embed:
        '{draw?, marginBottom?, fontSize?, font?}: sizes as ratios up to 1 or pixels; font simkai, hei, song, auto',
      outputName: OUTPUT_NAME,
    },
    makes: ['video', 'subtitles'],
    priceItems: ['subtitleRemoval', 'ocrTranslate', 'embed'],
  },
  'subtitles-and-logo': {
    title: 'Subtitles and logo',
    does: 'Removes both in one pass; both are billed.',
    options: {
      areas: `${AREAS}the vendor's own; each may say type: text (default) or logo`,
      textHeight: TEXT_HEIGHT,
      timedAreas: `${TIMED}; each may say type: text (default) or logo`,
    },
    makes: ['video'],
    priceItems: ['subtitleRemoval', 'logoAdvanced'],
  },
  'faces-blur': {
    title: 'Faces, blurred',
    does: 'Blurs faces.',
    options: {},
    makes: ['video'],
    priceItems: ['privacy'],
  },
  'faces-mosaic': {
    title: 'Faces, mosaic',
    does: 'Covers faces with a mosaic.',
    options: {},
    makes: ['video'],
    priceItems: ['privacy'],
  },
  'faces-and-plates-mosaic': {
    title: 'Faces and plates, mosaic',
    does: 'Covers faces and number plates with a mosaic.',
    options: {},
    makes: ['video'],
    priceItems: ['privacy'],
  },
  raw: {
    title: "The caller's own parameters",
    does: 'Sends MPSProcessMediaParams as given, after a check that it is Smart Erase and nothing else.',
    options: { params: 'MPSProcessMediaParams, as an object or as JSON text: only AiAnalysisTask, Definition 25' },
    makes: ['video'],
    priceItems: [],
  },
  'smart-erase-task': {
    title: 'Smart Erase template',
    does: "Uses the vendor's newer, typed route: a template, or parameters in its own field names.",
    options: {
      definition: 'id of a Smart Erase template; 0 with rawParameter',
      rawParameter: 'MPSRawSmartEraseParameter: EraseType subtitle, watermark or privacy, and its config',
      overrideParameter: 'MPSOverrideEraseParameter: replaces parts of the template',
    },
    makes: ['video'],
    priceItems: [],
  },
};

export const RECIPE_NAMES = Object.keys(RECIPES) as RecipeName[];

export function isRecipeName(name: string): name is RecipeName {
  return Object.hasOwn(RECIPES, name);
}

/** Whether a task of this recipe must produce a new video, so that its absence is a failure. */
export function makesVideo(recipe: RecipeRequest | Recipe): boolean {
  if (recipe.name === 'raw') {
    return !(rawCustomerAppId(recipe as RawRecipe) ?? '').startsWith('subtitle_extract');
  }
  return !isRecipeName(recipe.name) || RECIPES[recipe.name].makes.includes('video');
}

/** The price list items that the vendor bills for a recipe; empty where unknown. */
export function priceItemsOf(recipe: RecipeRequest | Recipe): readonly PriceItem[] {
  if (!isRecipeName(recipe.name)) {
    return [];
  }
  if (recipe.name === 'subtitles-extract' && (recipe as SubtitlesExtractRecipe).translate !== undefined) {
    return ['ocrTranslate'];
  }
  if (recipe.name === 'subtitles-translate' && (recipe as SubtitlesTranslateRecipe).embed?.draw === false) {
    return ['subtitleRemoval', 'ocrTranslate'];
  }
  return RECIPES[recipe.name].priceItems;
}

function rawCustomerAppId(recipe: RawRecipe): string | null {
  const id = recipe.params?.AiAnalysisTask?.ExtendedParameter?.delogo?.CustomerAppId;
  return typeof id === 'string' ? id : null;
}

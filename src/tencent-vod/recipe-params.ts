import { SMART_ERASE_DEFINITION } from '../contract/raw-params.js';
import type {
  Area,
  AreaType,
  Embed,
  PlainRecipe,
  Recipe,
  SubtitlesExtractRecipe,
  SubtitlesTranslateRecipe,
  TextHeight,
  TimedAreas,
  Translate,
} from '../contract/recipes.js';
import type { MpsParams } from './vod-api.js';

/** Cluster of the erase scenarios. Source: every example of the Smart Erase tutorial (1041/58269). */
const CLUSTER = 'gpu_zhiyan';

/** Fields of `delogo`, in the order of the vendor's document. */
interface Delogo {
  cluster_id?: string;
  CustomerAppId?: string;
  output_patten?: string;
  als_filter?: Record<string, unknown>;
  custom_objs?: Record<string, unknown>;
  subtitle_param?: Record<string, unknown>;
  [field: string]: unknown;
}

type DelogoRecipe = Exclude<Recipe, { name: 'raw' } | { name: 'smart-erase-task' } | PlainRecipe>;

/** Scenario by recipe, and whether it names the cluster. Source: Smart Erase tutorial (1041/58269). */
const SCENARIO: Readonly<
  Record<DelogoRecipe['name'] | Exclude<PlainRecipe['name'], 'logo-basic'>, { id: string; cluster: boolean }>
> = {
  logo: { id: 'ai_delogo_v1', cluster: true },
  subtitles: { id: 'subtitle_erase_fast', cluster: true },
  'subtitles-area': { id: 'subtitle_erase_area', cluster: true },
  'subtitles-extract': { id: 'subtitle_extract_v1', cluster: false },
  'subtitles-translate': { id: 'subtitle_erase_and_translate', cluster: true },
  'subtitles-and-logo': { id: 'subtitle_logo_erase', cluster: true },
  'faces-blur': { id: 'facial_blur', cluster: false },
  'faces-mosaic': { id: 'facial_mosaic', cluster: false },
  'faces-and-plates-mosaic': { id: 'facial_and_numberplate_mosaic_v2', cluster: false },
};

/** The vendor's number for each type of area. */
const AREA_TYPE: Readonly<Record<AreaType, number>> = { logo: 1, text: 2 };

/** Parameters of ProcessMediaByMPS for a validated recipe. */
export function toMpsParams(recipe: Recipe): MpsParams {
  if (recipe.name === 'smart-erase-task') {
    return { mpsProcessMediaParams: null, smartEraseTask: smartEraseTask(recipe) };
  }
  const delogo = toDelogo(recipe);
  const task: Record<string, unknown> = { Definition: SMART_ERASE_DEFINITION };
  if (delogo !== null) {
    task.ExtendedParameter = JSON.stringify({ delogo });
  }
  // The space follows the API document's example, which is reproduced byte by byte.
  return { mpsProcessMediaParams: `{"AiAnalysisTask": ${JSON.stringify(task)}}`, smartEraseTask: null };
}

/** `ExtendedParameter.delogo` of a recipe on the default route; null where it sends no ExtendedParameter. */
export function toDelogo(recipe: Exclude<Recipe, { name: 'smart-erase-task' }>): Delogo | null {
  switch (recipe.name) {
    case 'logo-basic':
      return null;
    case 'raw':
      return recipe.params.AiAnalysisTask.ExtendedParameter?.delogo ?? null;
    case 'faces-blur':
    case 'faces-mosaic':
    case 'faces-and-plates-mosaic':
      return scenario(recipe.name);
    case 'logo':
      return without({
        ...scenario(recipe.name),
        als_filter: filter(recipe.areas, 'logo'),
        custom_objs: timed(recipe.timedAreas, 'logo'),
      });
    case 'subtitles':
    case 'subtitles-area':
      return without({
        ...scenario(recipe.name),
        als_filter: filter(recipe.areas, null, recipe.textHeight),
        custom_objs: timed(recipe.timedAreas, 'text'),
      });
    case 'subtitles-and-logo':
      return without({
        ...scenario(recipe.name),
        als_filter: filter(recipe.areas, 'text', recipe.textHeight),
        custom_objs: timed(recipe.timedAreas, 'text'),
      });
    case 'subtitles-extract':
    case 'subtitles-translate':
      return without({
        ...scenario(recipe.name),
        output_patten: recipe.outputName,
        als_filter: filter(recipe.areas, recipe.name === 'subtitles-extract' ? 'text' : null, recipe.textHeight),
        subtitle_param: subtitleParam(recipe),
      });
  }
}

function scenario(name: keyof typeof SCENARIO): Delogo {
  const { id, cluster } = SCENARIO[name];
  return cluster ? { cluster_id: CLUSTER, CustomerAppId: id } : { CustomerAppId: id };
}

type AnyArea = Area & { type?: AreaType };

function rectangle(area: Area): Record<string, number> {
  return { lt_x: area.left, lt_y: area.top, rb_x: area.right, rb_y: area.bottom };
}

/** `type` is included where the vendor's examples of that scenario have it. */
function filter(areas: AnyArea[] | undefined, type: AreaType | null, height?: TextHeight) {
  if (areas === undefined && height === undefined) {
    return undefined;
  }
  return without({
    min_ocr_height: height?.min,
    max_ocr_height: height?.max,
    active_areas: areas?.map((area) => ({ ...typeOf(area, type), ...rectangle(area) })),
  });
}

function typeOf(area: AnyArea, fallback: AreaType | null): { type?: number } {
  const type = area.type ?? fallback;
  return type === null ? {} : { type: AREA_TYPE[type] };
}

/** Logo rectangles have the value of all vendor examples; 100 is the only documented score. */
function timed(stretches: TimedAreas<AnyArea>[] | undefined, type: AreaType) {
  if (stretches === undefined) {
    return undefined;
  }
  const time_objs = stretches.map((stretch) =>
    without({
      begin_ms: stretch.beginMs,
      end_ms: stretch.endMs,
      objs: stretch.areas.map((area) => ({
        ...typeOf(area, type),
        ...((area.type ?? type) === 'logo' ? { value: 'customobjs' } : {}),
        score: 100,
        rect: rectangle(area),
      })),
    }),
  );
  return { type: 0, time_objs };
}

function subtitleParam(recipe: SubtitlesExtractRecipe | SubtitlesTranslateRecipe) {
  const embed: Embed = recipe.name === 'subtitles-translate' ? (recipe.embed ?? {}) : {};
  const translate: Translate | undefined = recipe.translate;
  return without({
    // An empty target language means: recognise, do not translate.
    translate_dst_language: translate?.to ?? '',
    translate_src_language: translate?.from,
    subtitle_fmt: recipe.format,
    min_sdur_ms: recipe.minDurationMs,
    margin_bottom: embed.marginBottom,
    font_size: embed.fontSize,
    font_type: embed.font,
    use_draw: embed.draw,
  });
}

function smartEraseTask(recipe: Extract<Recipe, { name: 'smart-erase-task' }>): Record<string, unknown> {
  return without({
    Definition: recipe.definition,
    RawParameter: recipe.rawParameter,
    OverrideParameter: recipe.overrideParameter,
  });
}

/** The object without undefined fields. */
function without<T extends Record<string, unknown>>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

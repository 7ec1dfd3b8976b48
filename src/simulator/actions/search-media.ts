import { invalidValue } from '../api-error.js';
import { mediaInfo } from '../media-answers.js';
import { CATEGORIES, MEDIA_STATUSES, type Media, STORAGE_CLASSES } from '../media-library.js';
import { type Action, type ActionContext, numberWithin, simulatedTime, sortOrder, timeRange } from './action.js';
import { checkParts } from './describe-media-infos.js';

/** API document: only the first 5,000 results of a search can be reached, and TotalCount stops there. */
const MAX_RESULTS = 5000;
const DEFAULT_LIMIT = 10;

/** API document: maximum number of elements in an array, and their maximum length. */
const ARRAY_LIMITS: Record<string, { elements: number; length: number }> = {
  FileIds: { elements: 10, length: 40 },
  Names: { elements: 10, length: 100 },
  NamePrefixes: { elements: 10, length: 100 },
  Descriptions: { elements: 10, length: 100 },
  Tags: { elements: 16, length: 32 },
};

/** API document: allowed values of these fields. */
const WORDS: Record<string, readonly string[]> = {
  Categories: CATEGORIES,
  Status: MEDIA_STATUSES,
  StorageClasses: STORAGE_CLASSES,
};

export const searchMedia: Action = {
  parameters: {
    SubAppId: 'integer',
    FileIds: 'strings',
    Names: 'strings',
    NamePrefixes: 'strings',
    Descriptions: 'strings',
    ClassIds: 'integers',
    Tags: 'strings',
    Categories: 'strings',
    Status: 'strings',
    StorageClasses: 'strings',
    SourceTypes: 'strings',
    CreateTime: 'object',
    StartTime: 'string',
    EndTime: 'string',
    Filters: 'strings',
    Sort: 'object',
    Offset: 'integer',
    Limit: 'integer',
    Text: 'string',
  },
  notSimulated: [
    'ExpireTime',
    'KnowledgeBases',
    'MediaTypes',
    'ReviewResults',
    'SourceType',
    'StorageRegions',
    'StreamDomains',
    'StreamId',
    'StreamIds',
    'StreamPaths',
    'TrtcRoomIds',
    'TrtcSdkAppIds',
    'Vid',
    'Vids',
  ],
  rate: 'read',
  run(context) {
    const { account, parameters, subAppId } = context;
    for (const [name, limits] of Object.entries(ARRAY_LIMITS)) checkArray(context, name, limits);
    for (const [name, words] of Object.entries(WORDS)) checkWords(context, name, words);
    checkParts(parameters.Filters as string[] | undefined);
    const offset = numberWithin(context, 'Offset', 0, 0, MAX_RESULTS, 'InvalidParameterValue.Offset');
    const limit = numberWithin(context, 'Limit', DEFAULT_LIMIT, 0, MAX_RESULTS, 'InvalidParameterValue.Limit');
    if (offset + limit > MAX_RESULTS)
      throw invalidValue('Offset', `Offset + Limit passes ${MAX_RESULTS}`, 'InvalidParameterValue.OffsetTooLarge');
    const sort = sortOrder(context, ['CreateTime'], 'InvalidParameterValue.Sort');
    account.tasks.advance();
    const wanted = wantedBy(context);
    const hits = account.media.inOrder(subAppId).filter(wanted);
    if (sort?.descending ?? true) hits.reverse();
    const page = hits.slice(offset, offset + limit);
    return {
      TotalCount: Math.min(hits.length, MAX_RESULTS),
      MediaInfoSet:
        page.length > 0
          ? page.map((media) =>
              mediaInfo(media, account.clock, account.baseUrl, parameters.Filters as string[] | undefined),
            )
          : null,
    };
  },
};

function checkArray(context: ActionContext, name: string, { elements, length }: { elements: number; length: number }) {
  const values = context.parameters[name] as string[] | undefined;
  if (!values) return;
  if (values.length > elements || values.some((value) => value.length > length))
    throw invalidValue(name, `at most ${elements} of at most ${length} characters`, `InvalidParameterValue.${name}`);
}

function checkWords({ parameters }: ActionContext, name: string, words: readonly string[]) {
  const unknown = (parameters[name] as string[] | undefined)?.find((value) => !words.includes(value));
  if (unknown !== undefined) throw invalidValue(name, `there is no ${unknown}`, `InvalidParameterValue.${name}`);
}

function wantedBy(context: ActionContext): (media: Media) => boolean {
  const { parameters } = context;
  const anyOf = <T>(name: string, holds: (value: T) => boolean) => {
    const values = parameters[name] as T[] | undefined;
    return values === undefined || values.length === 0 || values.some(holds);
  };
  const within = timeRange(context, 'CreateTime');
  const fromMs =
    within?.fromMs ?? simulatedTime(context, 'StartTime', parameters.StartTime) ?? Number.NEGATIVE_INFINITY;
  // CreateTime includes both ends of its range; EndTime, its older form, excludes its end.
  const untilMs = within ? within.beforeMs + 999 : undefined;
  const beforeMs = simulatedTime(context, 'EndTime', parameters.EndTime) ?? Number.POSITIVE_INFINITY;
  const text = (parameters.Text as string | undefined)?.toLowerCase() ?? '';
  return (media) =>
    media.createdMs >= fromMs &&
    (untilMs === undefined ? media.createdMs < beforeMs : media.createdMs <= untilMs) &&
    anyOf<string>('FileIds', (value) => media.fileId === value) &&
    anyOf<string>('Names', (value) => contains(media.name, value)) &&
    anyOf<string>('NamePrefixes', (value) => media.name.startsWith(value)) &&
    anyOf<string>('Descriptions', (value) => contains(media.description, value)) &&
    anyOf<number>('ClassIds', (value) => media.classId === value) &&
    anyOf<string>('Tags', (value) => media.tags.includes(value)) &&
    anyOf<string>('Categories', (value) => value === (media.category ?? 'Video')) &&
    anyOf<string>('Status', (value) => value === (media.status ?? 'Normal')) &&
    anyOf<string>('StorageClasses', (value) => value === (media.storageClass ?? 'STANDARD')) &&
    anyOf<string>('SourceTypes', (value) => value === (media.resultOf ? 'VideoProcessing' : 'Upload')) &&
    (text === '' || contains(media.name, text) || contains(media.description, text));
}

const contains = (text: string, part: string) => text.toLowerCase().includes(part.toLowerCase());

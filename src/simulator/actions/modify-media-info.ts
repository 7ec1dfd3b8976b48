import { ApiError, invalidValue } from '../api-error.js';
import { parseIso } from '../clock.js';
import type { Media } from '../media-library.js';
import type { Parameters } from '../parameters.js';
import type { Action } from './action.js';

/** API document. Lengths count characters, not bytes. */
const MAX_NAME_LENGTH = 64;
const MAX_DESCRIPTION_LENGTH = 128;
const MAX_TAGS = 16;
const MAX_TAG_LENGTH = 32;

/** Magic numbers of the accepted cover formats: PNG, JPEG, GIF. */
const PICTURE_STARTS = ['89504e47', 'ffd8ff', '47494638'];

export const modifyMediaInfo: Action = {
  parameters: {
    FileId: 'string!',
    SubAppId: 'integer',
    Name: 'string',
    Description: 'string',
    ClassId: 'integer',
    ExpireTime: 'string',
    CoverData: 'string',
    AddTags: 'strings',
    DeleteTags: 'strings',
    ClearTags: 'integer',
  },
  notSimulated: [
    'AddKeyFrameDescs',
    'DeleteKeyFrameDescs',
    'ClearKeyFrameDescs',
    'AddSubtitles',
    'DeleteSubtitleIds',
    'ClearSubtitles',
    'DeleteKnowledgeBases',
    'ClearKnowledgeBases',
  ],
  rate: 'read',
  run({ account, parameters, subAppId }) {
    account.tasks.advance();
    const media = account.media.get(subAppId, parameters.FileId as string);
    if (!media) throw new ApiError('ResourceNotFound.FileNotExist', 'The file does not exist.');
    // Everything is validated before the first change.
    const changed: Media = { ...media, ...plainFields(parameters), tags: newTags(media.tags, parameters) };
    const answer: Record<string, unknown> = {};
    if (parameters.CoverData !== undefined) {
      changed.coverUrl = `${account.baseUrl}/media/${subAppId}/${media.fileId}/${coverName(parameters.CoverData as string)}`;
      answer.CoverUrl = changed.coverUrl;
    }
    Object.assign(media, changed, { updatedMs: account.clock.now() });
    account.store.saveMedia([media]);
    return { ...answer, AddedSubtitleSet: null };
  },
};

function plainFields(parameters: Parameters): Partial<Media> {
  const fields: Partial<Media> = {};
  if (parameters.Name !== undefined) fields.name = text(parameters, 'Name', MAX_NAME_LENGTH);
  if (parameters.Description !== undefined)
    fields.description = text(parameters, 'Description', MAX_DESCRIPTION_LENGTH);
  if (parameters.ExpireTime !== undefined) {
    if (parseIso(parameters.ExpireTime as string) === undefined)
      throw invalidValue('ExpireTime', 'it is not a time', 'InvalidParameterValue.ExpireTime');
    fields.expireTime = parameters.ExpireTime as string;
  }
  if (parameters.ClassId !== undefined) {
    // API document of classes: -1 means the class of all files without one, stored as 0.
    const classId = parameters.ClassId as number;
    if (classId < -1) throw invalidValue('ClassId', 'there is no such class', 'InvalidParameterValue.ClassId');
    fields.classId = Math.max(0, classId);
  }
  return fields;
}

function text(parameters: Parameters, name: string, maxLength: number): string {
  const value = parameters[name] as string;
  if ([...value].length > maxLength)
    throw invalidValue(name, `it has more than ${maxLength} characters`, `InvalidParameterValue.${name}`);
  return value;
}

function newTags(tags: readonly string[], parameters: Parameters): string[] {
  const add = (parameters.AddTags as string[] | undefined) ?? [];
  const remove = (parameters.DeleteTags as string[] | undefined) ?? [];
  const clear = parameters.ClearTags === 1;
  if (clear && add.length > 0)
    throw invalidValue('ClearTags', 'it comes with AddTags', 'InvalidParameterValue.AddTagsAndClearTagsConflict');
  if (add.some((tag) => remove.includes(tag)))
    throw invalidValue('AddTags', 'a tag is in both lists', 'InvalidParameterValue.AddTagsAndDeleteTagsConflict');
  if (add.some((tag) => [...tag].length > MAX_TAG_LENGTH))
    throw invalidValue('AddTags', `a tag has more than ${MAX_TAG_LENGTH} characters`, 'InvalidParameterValue.Tags');
  const kept = clear ? [] : tags.filter((tag) => !remove.includes(tag));
  const result = [...new Set([...kept, ...add])];
  if (result.length > MAX_TAGS)
    throw new ApiError('LimitExceeded.TagCountReachMax', `A file has at most ${MAX_TAGS} tags.`);
  return result;
}

function coverName(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  const start = bytes.subarray(0, 4).toString('hex');
  if (bytes.length === 0 || bytes.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, ''))
    throw invalidValue('CoverData', 'it is not Base64', 'InvalidParameterValue.ImageDecodeError');
  if (!PICTURE_STARTS.some((known) => start.startsWith(known)))
    throw new ApiError('FailedOperation.CoverType', 'A cover must be a PNG, JPEG or GIF picture.');
  return start.startsWith('89') ? 'cover.png' : start.startsWith('ff') ? 'cover.jpg' : 'cover.gif';
}

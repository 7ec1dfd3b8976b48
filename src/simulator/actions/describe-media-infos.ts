import { invalidValue } from '../api-error.js';
import { MEDIA_PARTS, mediaInfo } from '../media-answers.js';
import type { Media } from '../media-library.js';
import type { Action } from './action.js';

/** API document: at most 20 files a call. */
const MAX_FILES = 20;

export const describeMediaInfos: Action = {
  parameters: { FileIds: 'strings!', SubAppId: 'integer', Filters: 'strings' },
  rate: 'read',
  run({ account, parameters, subAppId }) {
    const fileIds = parameters.FileIds as string[];
    const parts = parameters.Filters as string[] | undefined;
    if (fileIds.length === 0) throw invalidValue('FileIds', 'it is empty', 'InvalidParameterValue.FileIdsEmpty');
    if (fileIds.length > MAX_FILES)
      throw invalidValue('FileIds', `it has more than ${MAX_FILES}`, 'InvalidParameterValue.FileIdsTooMany');
    checkParts(parts);
    account.tasks.advance();
    const found: Media[] = [];
    const missing: string[] = [];
    for (const fileId of new Set(fileIds)) {
      const media = account.media.get(subAppId, fileId);
      if (media) found.push(media);
      else missing.push(fileId);
    }
    return {
      MediaInfoSet:
        found.length > 0 ? found.map((media) => mediaInfo(media, account.clock, account.baseUrl, parts)) : null,
      NotExistFileIdSet: missing.length > 0 ? missing : null,
    };
  },
};

export function checkParts(parts: string[] | undefined): void {
  const unknown = parts?.find((part) => !Object.hasOwn(MEDIA_PARTS, part));
  if (unknown !== undefined) throw invalidValue('Filters', `there is no part ${unknown}`);
}

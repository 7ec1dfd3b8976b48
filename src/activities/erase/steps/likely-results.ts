import { VENDOR_MEMORY_MS } from '../../../contract/vendor-limits.js';
import type { VodApi } from '../../../tencent-vod/vod-api.js';

/** The most files that a message lists. */
const MOST_NAMED = 5;

/**
 * Files of the media library that may be what a forgotten task made: added after its submit, under the source's name. Only a
 * hint: the vendor links no file to the task that made it. Empty when the library cannot be read.
 */
export async function likelyResults(
  vod: Pick<VodApi, 'describeMedia' | 'searchMedia'>,
  task: { subAppId: number; sourceFileId: string; submittedAt: string },
  signal: AbortSignal,
): Promise<string[]> {
  const { subAppId, sourceFileId, submittedAt } = task;
  try {
    const { media } = await vod.describeMedia({ subAppId, fileIds: [sourceFileId] }, { signal });
    const name = media[0]?.name;
    if (!name) return [];
    const found = await vod.searchMedia(
      {
        subAppId,
        names: [name],
        createdFrom: submittedAt,
        createdTo: new Date(Date.parse(submittedAt) + VENDOR_MEMORY_MS).toISOString(),
        limit: MOST_NAMED + 1,
      },
      { signal },
    );
    return found.media
      .map((file) => file.fileId)
      .filter((fileId) => fileId !== sourceFileId)
      .slice(0, MOST_NAMED);
  } catch {
    return [];
  }
}

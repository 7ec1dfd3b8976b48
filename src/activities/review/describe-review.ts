import { Context } from '@temporalio/activity';
import { ERROR_CLASSES } from '../../contract/error-classes.js';
import type { ResultFile } from '../../contract/request.js';
import { VodError } from '../../tencent-vod/vod-error.js';
import type { ActivityDependencies } from '../dependencies.js';
import { readFailure } from '../shared/failures.js';
import { enterPhase } from '../shared/late-phase.js';

export interface DescribeReviewInput {
  subAppId: number;
  sourceFileId: string;
  /** Null for a recipe that makes no video: its first file is shown instead. */
  resultFileId: string | null;
  files: ResultFile[];
  /** Undefined in histories that predate the field. */
  taskId?: string;
}

export interface ReviewUrls {
  sourceUrl: string | null;
  resultUrl: string | null;
  /** Why a URL is missing; null when none is. */
  note: string | null;
}

/** Reads of the URLs, after which the review goes on without them: the files can be found by FileId. */
const ATTEMPTS = 4;

/** Reads the URLs of the source and the result. Without an answer the review goes on, and reports that. */
export function createDescribeReview({ vod, ledger }: ActivityDependencies) {
  return async function describeReview(input: DescribeReviewInput): Promise<ReviewUrls> {
    const { cancellationSignal: signal, info } = Context.current();
    const { subAppId, sourceFileId, resultFileId, files } = input;
    await enterPhase(ledger, 'review', input.taskId ?? null);
    const told = files.find((file) => file.fileId === resultFileId) ?? files[0];
    const fileIds = resultFileId === null ? [sourceFileId] : [sourceFileId, resultFileId];
    try {
      const { media } = await vod.describeMedia({ subAppId, fileIds }, { signal });
      const urlOf = (fileId: string | null) =>
        watchable(media.find((each) => each.fileId === fileId)?.mediaUrl ?? undefined);
      const sourceUrl = urlOf(sourceFileId);
      const resultUrl = urlOf(resultFileId) ?? watchable(told?.url ?? undefined);
      const missing = [sourceUrl === null ? 'the source' : '', resultUrl === null ? 'the result' : ''].filter(Boolean);
      const note = missing.length === 0 ? null : `The vendor tells no URL of ${missing.join(' and ')}.`;
      return { sourceUrl, resultUrl, note };
    } catch (error) {
      if (!(error instanceof VodError) || signal.aborted) throw readFailure(error, info.attempt);
      if (ERROR_CLASSES[error.class].onRead !== 'fail' && info.attempt < ATTEMPTS)
        throw readFailure(error, info.attempt);
      const note = `The URLs could not be read: ${error.message}`;
      return { sourceUrl: null, resultUrl: watchable(told?.url ?? undefined), note };
    }
  };
}

/** A link in a page or in the Temporal UI must not be able to run code. */
function watchable(url: string | undefined): string | null {
  if (url === undefined || !URL.canParse(url)) return null;
  const { protocol, href } = new URL(url);
  return protocol === 'https:' || protocol === 'http:' ? href : null;
}

import { createHash } from 'node:crypto';
import { ApplicationFailure, Context } from '@temporalio/activity';
import { ERROR_CLASSES } from '../../contract/error-classes.js';
import type { PublishOutcome, PublishRequest } from '../../contract/request.js';
import type { MediaChange, MediaInfo, VodApi } from '../../tencent-vod/vod-api.js';
import { VodError } from '../../tencent-vod/vod-error.js';
import type { ActivityDependencies } from '../dependencies.js';
import { awaitOthersReview } from '../review/await-review.js';
import { describeError, finalFailure, readFailure } from '../shared/failures.js';
import { enterPhase, leavePhase } from '../shared/late-phase.js';
import { recordHold } from './end-hold.js';
import { fetchCover } from './steps/cover.js';
import type { Hold } from './steps/submit-outcome.js';

export interface PublishInput {
  subAppId: number;
  sourceFileId: string;
  resultFileId: string;
  taskId: string;
  publish: PublishRequest;
  batchId: string | undefined;
  /** A review of this run has approved the result. Undefined in histories that predate the field. */
  reviewed?: boolean;
}

export type PublishResultOutcome =
  | { kind: 'published'; published: PublishOutcome }
  /** The account does not allow it now: publishing stops, the result is kept. */
  | { kind: 'held'; hold: Hold };

/** What the vendor writes for a file that is never deleted. */
const NEVER_EXPIRES = '9999-12-31T23:59:59Z';
/** The vendor's limit on a SessionId, in characters. */
const SESSION_ID_LENGTH = 50;

/** Puts the new file in its place. Each step is safe to repeat; a failed prefetch is a warning. */
export function createPublishResult({ vod, ledger }: ActivityDependencies) {
  const publish = async (input: PublishInput): Promise<PublishResultOutcome> => {
    const context = Context.current();
    const known = { taskId: input.taskId, moneySpent: true, resultFileId: input.resultFileId };
    if (expiresBefore(input.publish, Date.now())) {
      const message = `The erase succeeded (result ${input.resultFileId}), but publish.expireTime ${input.publish.expireTime} is past: the vendor would delete the new file at once.`;
      throw finalFailure('publishFailed', { code: 'ExpireTimePast', message }, known);
    }
    try {
      if (input.reviewed === false) await awaitOthersReview({ ledger }, input.taskId);
      return { kind: 'published', published: await publishSteps(vod, input) };
    } catch (error) {
      if (error instanceof VodError && error.class === 'account') {
        const { errorClass, ...described } = describeError(error);
        const hold: Hold = { class: errorClass, ...described, submission: null, expiresAt: null };
        await recordHold(
          ledger,
          { subAppId: input.subAppId, fileId: input.sourceFileId, batchId: input.batchId },
          'publish',
          hold,
        );
        return { kind: 'held', hold };
      }
      if (error instanceof VodError && ERROR_CLASSES[error.class].onRead === 'fail') {
        const { code, message, requestId } = describeError(error);
        throw finalFailure(
          'publishFailed',
          {
            code,
            message: `The erase succeeded (result ${input.resultFileId}), but publishing it was refused: ${message}`,
            requestId,
          },
          known,
        );
      }
      throw readFailure(error, context.info.attempt, known);
    }
  };
  return async function publishResult(input: PublishInput): Promise<PublishResultOutcome> {
    await enterPhase(ledger, 'publishing', input.taskId);
    let goesOn = false;
    try {
      return await publish(input);
    } catch (error) {
      goesOn = error instanceof ApplicationFailure && error.nonRetryable !== true;
      throw error;
    } finally {
      // A step that is retried is still in progress.
      if (!goesOn) await leavePhase(ledger);
    }
  };
}

/** An expiry in the past deletes the file at once and permanently. */
export function expiresBefore(publish: PublishRequest | undefined, nowMs: number): boolean {
  return publish?.expireTime !== undefined && Date.parse(publish.expireTime) <= nowMs;
}

/** False for an invalid time as well: only a certain date may let the vendor delete a file. */
function isFuture(time: string): boolean {
  return Date.parse(time) > Date.now();
}

async function publishSteps(vod: VodApi, input: PublishInput): Promise<PublishOutcome> {
  const { cancellationSignal: signal } = Context.current();
  const { subAppId, sourceFileId, resultFileId, publish } = input;
  const inherit = new Set(publish.inherit ?? []);
  const warnings: string[] = [];

  let source: MediaInfo | undefined;
  if (inherit.size > 0) {
    const { media } = await vod.describeMedia({ subAppId, fileIds: [sourceFileId] }, { signal });
    source = media[0];
    if (source === undefined) warnings.push(`The source ${sourceFileId} is gone: nothing was inherited from it.`);
  }
  const change = changeOf(publish, source);
  if (publish.expireTime === undefined && change.expireTime !== undefined && !isFuture(change.expireTime)) {
    warnings.push(`The expiry was not inherited: ${change.expireTime} is past, and would delete the new file at once.`);
    delete change.expireTime;
  }
  if (inherit.has('cover') && source?.coverUrl) {
    const cover = await fetchCover(source.coverUrl, signal);
    if (cover.ok) change.coverData = cover.base64;
    else warnings.push(`The cover was not inherited: ${cover.problem}`);
  }
  const changed = Object.keys(change);
  if (changed.length > 0) await vod.modifyMedia({ subAppId, fileId: resultFileId, change }, { signal });

  let procedureTaskId: string | null = null;
  if (publish.procedure !== undefined) {
    procedureTaskId = await runProcedure(vod, input, publish.procedure, signal);
  }

  const prefetchedUrls: string[] = [];
  if (publish.prefetch === true) {
    try {
      const { media } = await vod.describeMedia({ subAppId, fileIds: [resultFileId] }, { signal });
      const url = media[0]?.mediaUrl;
      if (!url) throw new Error('the vendor gives no URL for the new file');
      await vod.prefetchUrls({ subAppId, urls: [url] }, { signal });
      prefetchedUrls.push(url);
    } catch (error) {
      warnings.push(`Prefetch failed: ${describeError(error).message}`);
    }
  }
  return { changed, procedureTaskId, prefetchedUrls, warnings };
}

/** The change that the request asks for: its own values first, the source's where it asks to inherit. */
export function changeOf(publish: PublishRequest, source: MediaInfo | undefined): MediaChange {
  const inherit = new Set(publish.inherit ?? []);
  const from = <K extends 'name' | 'description' | 'classId' | 'expireTime'>(field: K) =>
    inherit.has(field) ? (source?.[field] ?? undefined) : undefined;
  const tags = publish.tags ?? (inherit.has('tags') ? source?.tags : undefined);
  const expireTime = publish.expireTime ?? from('expireTime');
  const change: MediaChange = {
    name: publish.name ?? from('name'),
    description: publish.description ?? from('description'),
    classId: publish.classId ?? from('classId'),
    expireTime: expireTime === 'never' ? NEVER_EXPIRES : expireTime,
    addTags: tags !== undefined && tags.length > 0 ? tags : undefined,
  };
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

/** The SessionId is the same for every repetition, so the vendor refuses a second run of the procedure. */
async function runProcedure(
  vod: VodApi,
  { subAppId, resultFileId }: PublishInput,
  procedure: string,
  signal: AbortSignal,
): Promise<string | null> {
  const sessionId = createHash('sha256')
    .update(`${subAppId}/${resultFileId}/${procedure}`)
    .digest('hex')
    .slice(0, SESSION_ID_LENGTH);
  try {
    const { taskId } = await vod.runProcedure({ subAppId, fileId: resultFileId, procedure, sessionId }, { signal });
    return taskId;
  } catch (error) {
    if (error instanceof VodError && error.class === 'duplicate') return null;
    throw error;
  }
}

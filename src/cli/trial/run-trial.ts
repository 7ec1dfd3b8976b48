import type { EraseClient, EraseHandle, EraseRequest, EraseResult } from '../../client.js';
import { PHASE } from '../../contract/names.js';
import { EraseError } from '../../errors.js';
import { readMediaInfos } from '../../tencent-vod/answers.js';
import type { MediaInfo } from '../../tencent-vod/vod-api.js';
import { VodError } from '../../tencent-vod/vod-error.js';
import type { Output } from '../output.js';
import type { ReviewedErase } from '../review/page.js';
import type { Recorder } from './recorder.js';

/** The outcome of one file. */
export interface Tried {
  fileId: string;
  workflowId: string;
  taskId: string | null;
  resultFileId: string | null;
  reused: boolean;
  seconds: number;
  error: string | null;
}

export interface TrialEnd {
  tried: Tried[];
  reviewed: ReviewedErase[];
  /** The error that ended the trial early; null when there was none. */
  failure: unknown;
}

/** Interval of TaskId queries, in milliseconds. */
const LOOK_EVERY_MS = 500;
const MEDIA_FILTERS = ['basicInfo', 'metaData'];

/** A hold that lasts this long, in milliseconds, needs a person: it ends the trial with advice. */
const HELD_FOR_MS = 3_000;

/** Runs the files sequentially; the first failure or hold ends the trial. */
export async function runTrial(
  output: Output,
  client: EraseClient,
  recorder: Recorder,
  requests: readonly EraseRequest[],
  signal: AbortSignal,
): Promise<TrialEnd> {
  const end: TrialEnd = { tried: [], reviewed: [], failure: null };
  for (const [index, request] of requests.entries()) {
    signal.throwIfAborted();
    output.say(`${index + 1} of ${requests.length}: ${request.fileId}`);
    const begun = performance.now();
    const handle = await client.start(request);
    const tried: Tried = {
      fileId: request.fileId,
      workflowId: handle.workflowId,
      taskId: null,
      resultFileId: null,
      reused: false,
      seconds: 0,
      error: null,
    };
    end.tried.push(tried);
    const observing = new AbortController();
    const held = new AbortController();
    const observer = observe(recorder, handle, request, {
      signal: observing.signal,
      onHeld: (error) => held.abort(error),
    });
    try {
      const result = await resultUnlessHeld(handle, signal, held.signal);
      Object.assign(tried, { taskId: result.taskId, resultFileId: result.resultFileId, reused: result.reused });
      end.reviewed.push(await sideBySide(recorder, handle, request, result));
    } catch (error) {
      if (signal.aborted) throw error;
      const { taskId, message } = error as { taskId?: string | null; message: string };
      Object.assign(tried, { taskId: taskId ?? null, error: message });
      end.failure = error;
      if (taskId) await readTask(recorder, 'ended', request, taskId);
    } finally {
      observing.abort();
      await observer;
      tried.seconds = Math.round((performance.now() - begun) / 1_000);
    }
    if (end.failure !== null) return end;
  }
  return end;
}

/** @throws the reason of `held` as soon as that is aborted: the erase stays as it is, and can be resumed */
async function resultUnlessHeld(handle: EraseHandle, signal: AbortSignal, held: AbortSignal): Promise<EraseResult> {
  try {
    return await handle.result({ signal: AbortSignal.any([signal, held]) });
  } catch (error) {
    if (held.aborted && !signal.aborted) throw held.reason;
    throw error;
  }
}

/** Once the TaskId is known, records what the vendor reports of an unfinished task; also detects a hold. */
async function observe(
  recorder: Recorder,
  handle: EraseHandle,
  request: EraseRequest,
  { signal, onHeld }: { signal: AbortSignal; onHeld: (error: EraseError) => void },
): Promise<void> {
  let heldSince: number | null = null;
  let recorded = false;
  while (!signal.aborted) {
    const status = await handle.status().catch(() => null);
    if (!status?.held) heldSince = null;
    else heldSince ??= performance.now();
    if (status?.held && heldSince !== null && performance.now() - heldSince >= HELD_FOR_MS) {
      const { message, code, requestId } = status.held;
      const { workflowId } = handle;
      const advice = `It is held: put that right, then: smart-erase resume ${workflowId} --reason "…"`;
      return onHeld(new EraseError(status.held.class, message, { code, requestId, workflowId, advice }));
    }
    if (status?.taskId && status.phase === PHASE.waiting && !recorded) {
      recorded = true;
      await readTask(recorder, 'submitted', request, status.taskId);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Reads the task's detail and the task list of its file; a failed read is recorded too. */
async function readTask(
  recorder: Recorder,
  moment: 'submitted' | 'ended',
  { subAppId, fileId }: EraseRequest,
  taskId: string,
): Promise<void> {
  const reads = [
    recorder.read(moment, 'DescribeTaskDetail', { TaskId: taskId, SubAppId: subAppId }),
    recorder.read(moment, 'DescribeTasks', { FileId: fileId, SubAppId: subAppId, Limit: 10 }),
  ];
  for (const outcome of await Promise.allSettled(reads)) {
    if (outcome.status === 'rejected' && !(outcome.reason instanceof VodError)) throw outcome.reason;
  }
}

async function sideBySide(
  recorder: Recorder,
  { workflowId }: EraseHandle,
  request: EraseRequest,
  { taskId, resultFileId, recipe }: EraseResult,
): Promise<ReviewedErase> {
  await readTask(recorder, 'ended', request, taskId);
  const fileIds = [request.fileId, ...(resultFileId === null ? [] : [resultFileId])];
  const media = await describe(recorder, 'ended', request.subAppId, fileIds).catch(() => ({ media: [] }));
  const urlOf = (fileId: string | null) => media.media.find((one) => one.fileId === fileId)?.mediaUrl ?? null;
  const now = new Date().toISOString();
  return {
    workflowId,
    trial: true,
    review: {
      since: now,
      timeoutAt: now,
      onTimeout: 'hold',
      overdue: false,
      taskId,
      recipe,
      source: { fileId: request.fileId, url: urlOf(request.fileId) },
      result: { fileId: resultFileId, url: urlOf(resultFileId) },
      note: null,
    },
  };
}

/** @throws VodError */
export async function describe(
  recorder: Recorder,
  moment: 'before' | 'ended',
  subAppId: number,
  fileIds: readonly string[],
): Promise<{ media: MediaInfo[]; missing: string[] }> {
  const action = 'DescribeMediaInfos';
  const request = { FileIds: fileIds, SubAppId: subAppId, Filters: MEDIA_FILTERS };
  return readMediaInfos(action, await recorder.read(moment, action, request));
}

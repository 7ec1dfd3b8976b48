/**
 * A plain script: submits what has no TaskId yet, 20 a second at most, looks at each task until it is done, and keeps a
 * state file so that it can be started again. Environment: PEER_SETTINGS, FILE_IDS (a JSON file), STATE (its state file).
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import pRetry, { AbortError } from 'p-retry';
import pThrottle from 'p-throttle';
import { createVendor, isFatal, peerSettings } from '../vendor.js';

interface State {
  taskId?: string;
  resultFileId?: string;
  failed?: string;
}

/** Documented: 20 ProcessMediaByMPS calls a second. */
const SUBMITS = { limit: 20, interval: 1_000, strict: true };
/** Documented: 100 DescribeTaskDetail calls a second; some are left to others. */
const LOOKS = { limit: 80, interval: 1_000, strict: true };
const RETRIES = { retries: 10, minTimeout: 1_000, factor: 2, maxTimeout: 30_000, randomize: true };

const settings = peerSettings(process.env);
const statePath = process.env.STATE ?? '';
const fileIds = JSON.parse(readFileSync(process.env.FILE_IDS ?? '', 'utf8')) as string[];
const vendor = createVendor(settings);
const submit = pThrottle(SUBMITS)((fileId: string) => vendor.submit(fileId));
const look = pThrottle(LOOKS)((taskId: string) => vendor.look(taskId));

const states = new Map<string, State>();
if (existsSync(statePath))
  for (const line of readFileSync(statePath, 'utf8').split('\n')) if (line !== '') remember(JSON.parse(line));

function remember({ fileId, ...state }: State & { fileId: string }): void {
  states.set(fileId, { ...states.get(fileId), ...state });
}

function record(fileId: string, state: State): void {
  remember({ fileId, ...state });
  appendFileSync(statePath, `${JSON.stringify({ fileId, ...state })}\n`);
}

/** Tries again what may be tried again. */
function retried<T>(call: () => Promise<T>): Promise<T> {
  const once = () =>
    call().catch((error: Error) => {
      throw isFatal(error) ? new AbortError(error) : error;
    });
  return pRetry(once, RETRIES);
}

async function erase(fileId: string): Promise<void> {
  const known = states.get(fileId);
  if (known?.resultFileId !== undefined || known?.failed !== undefined) return;
  let taskId = known?.taskId;
  if (taskId === undefined) {
    taskId = await retried(() => submit(fileId));
    record(fileId, { taskId });
  }
  const task = taskId;
  for (;;) {
    await delay(settings.pollMs);
    const { done, resultFileId } = await retried(() => look(task));
    if (!done) continue;
    record(fileId, resultFileId === undefined ? { failed: 'the task has no result' } : { resultFileId });
    return;
  }
}

process.stdout.write('ready\n');
await Promise.all(
  fileIds.map((fileId) => erase(fileId).catch((error: Error) => record(fileId, { failed: error.message }))),
);

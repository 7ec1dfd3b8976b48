import { type EraseClient, EraseError, type EraseHandle, type EraseRequest } from '../client.js';
import type { ErasePrinted } from './erase-output.js';
import { printedFailure } from './erase-output.js';
import { watchForCap } from './held-by-cap.js';
import type { Output } from './output.js';
import { bar, Progress } from './progress.js';

/** Concurrent starts: enough to keep the server busy, few enough to stop at the first error. */
const STARTS_AT_ONCE = 10;
/** Interval of phase queries, in milliseconds. */
const LOOK_EVERY_MS = 2_000;
/** Above this number only counts are shown, since each phase costs a query to a worker. */
const MAX_SHOWN_PHASES = 8;

export interface Begun {
  request: EraseRequest;
  handle: EraseHandle;
}

export interface NotBegun {
  request: EraseRequest;
  error: EraseError;
}

/** Starts all requests. Reports an error of one request; throws an error that would affect the others too. */
export async function startAll(
  client: EraseClient,
  requests: readonly EraseRequest[],
): Promise<{ begun: Begun[]; notBegun: NotBegun[] }> {
  const begun: (Begun | undefined)[] = [];
  const notBegun: NotBegun[] = [];
  const waiting = requests.entries();
  const startNext = async (): Promise<void> => {
    for (const [index, request] of waiting) {
      try {
        begun[index] = { request, handle: await client.start(request) };
      } catch (error) {
        if (!(error instanceof EraseError) || (error.class !== 'conflict' && error.class !== 'input')) throw error;
        notBegun.push({ request, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(STARTS_AT_ONCE, requests.length) }, startNext));
  return { begun: begun.filter((each) => each !== undefined), notBegun };
}

/** Waits for all, with progress, until each has ended or a cap holds all that are left. `onEnd` is called as each ends. */
export async function waitForAll(
  output: Output,
  begun: readonly Begun[],
  { signal, onEnd }: { signal: AbortSignal; onEnd?: (printed: ErasePrinted) => void },
): Promise<{ printed: ErasePrinted; error: EraseError | null }[]> {
  const progress = new Progress(output);
  const phases = new Map<string, string>();
  const open = new Set(begun.map(({ handle }) => handle));
  const capped = new Map<string, EraseError>();
  const giveUp = new AbortController();
  let succeeded = 0;
  let failed = 0;
  const show = () => {
    const ended = succeeded + failed;
    const lines = [
      `${bar(ended, begun.length)} ${ended} of ${begun.length} done${failed > 0 ? `, ${failed} failed` : ''}`,
    ];
    for (const [fileId, phase] of phases) lines.push(`  ${fileId}  ${phase}`);
    progress.update(lines);
  };
  const watching = begun.length <= MAX_SHOWN_PHASES ? watchPhases(begun, phases, show) : undefined;
  const stopWatchingCap = watchForCap(
    () => [...open],
    (held) => {
      for (const [workflowId, error] of held) capped.set(workflowId, error);
      giveUp.abort();
    },
  );
  show();
  try {
    return await Promise.all(
      begun.map(async ({ request, handle }) => {
        const outcome = await outcomeOf(handle, request, AbortSignal.any([signal, giveUp.signal]), capped);
        open.delete(handle);
        if (outcome.error === null) succeeded++;
        else failed++;
        phases.delete(request.fileId);
        onEnd?.(outcome.printed);
        show();
        return outcome;
      }),
    );
  } finally {
    stopWatchingCap();
    watching?.();
    progress.end();
  }
}

async function outcomeOf(
  handle: EraseHandle,
  request: EraseRequest,
  signal: AbortSignal,
  capped: ReadonlyMap<string, EraseError>,
) {
  try {
    return { printed: await handle.result({ signal }), error: null };
  } catch (error) {
    const cap = capped.get(handle.workflowId);
    if (cap !== undefined) return { printed: printedFailure(cap, handle.workflowId, request.fileId), error: cap };
    if (!(error instanceof EraseError) || error.class === 'unavailable' || error.class === 'configuration') throw error;
    return { printed: printedFailure(error, handle.workflowId, request.fileId), error };
  }
}

/** Queries the phases periodically until the returned function is called. */
function watchPhases(begun: readonly Begun[], phases: Map<string, string>, show: () => void): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  for (const { request } of begun) phases.set(request.fileId, 'started');
  const look = async () => {
    for (const { request, handle } of begun) {
      if (stopped || !phases.has(request.fileId)) continue;
      try {
        const { phase, waitingFor } = await handle.status();
        if (phases.has(request.fileId)) {
          phases.set(request.fileId, waitingFor === null ? phase : `${phase}: ${waitingFor}`);
        }
      } catch {
        // The wait itself reports errors; a failed display update can be ignored.
      }
    }
    show();
    if (!stopped) timer = setTimeout(() => void look(), LOOK_EVERY_MS);
  };
  timer = setTimeout(() => void look(), LOOK_EVERY_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

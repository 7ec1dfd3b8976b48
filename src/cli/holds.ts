import type { Command } from 'commander';
import type { EraseClient, RetryDecision } from '../client.js';
import type { HoldFilter, HoldRecord } from '../ledger/hold-store.js';
import type { Ledger } from '../ledger/ledger.js';
import { UsageError } from './exit.js';
import { positiveInteger } from './option-parsers.js';
import { mustSayWho, reasonIfGiven, whoIsHere } from './who-and-why.js';

/** Options that the three commands on holds share. */
export interface HoldOptions {
  subAppId?: number;
  batch?: string;
  all?: boolean;
  reason: string;
  by?: string;
}

/** Updates sent at once: each costs a worker some milliseconds. */
const UPDATES_AT_ONCE = 20;
/** Holds read from the ledger at once. */
const PAGE = 500;

export function withHoldOptions(command: Command): Command {
  return command
    .argument('[id]', 'workflow id of one held erase')
    .option('--sub-app-id <number>', 'all that are held in this sub-application', positiveInteger)
    .option('--batch <id>', 'all that are held of this batch')
    .option('--all', 'all that are held')
    .requiredOption('--reason <text>', 'why; it is kept')
    .option('--by <name>', 'who; it is kept', whoIsHere());
}

/** Which holds a command is about. @throws UsageError when that is not said, or said twice */
export function filterOf(id: string | undefined, { subAppId, batch, all }: HoldOptions): HoldFilter {
  const said = [id !== undefined, subAppId !== undefined, batch !== undefined, all === true].filter(Boolean).length;
  if (said !== 1) {
    throw new UsageError(
      'Say which: a workflow id, --sub-app-id N, --batch ID, or --all.',
      'List them with `smart-erase list --phase held`.',
    );
  }
  return { workflowId: id, subAppId, batchId: batch };
}

/** @throws UsageError when nobody, or no reason, is named */
export function decisionOf({ by, reason }: HoldOptions): RetryDecision {
  const decided = mustSayWho(by, 'decides', '--by');
  reasonIfGiven(reason);
  return { by: decided, reason };
}

/** Opens the ledger for `work`, and closes it whatever happens. */
export async function withLedger<T>(work: (ledger: Ledger) => Promise<T>): Promise<T> {
  const { loadSettings } = await import('../config/settings.js');
  const { openLedger } = await import('../ledger/postgres-ledger.js');
  const { databaseUrl, temporal } = loadSettings(process.env, { need: ['database', 'temporal'] });
  const ledger = openLedger(databaseUrl.reveal(), { namespace: temporal.namespace, maxConnections: 2 });
  try {
    return await work(ledger);
  } finally {
    await ledger.close();
  }
}

export interface Released {
  done: number;
  /** Held in the ledger, and by now no longer: decided by somebody else, or ended. */
  gone: number;
}

/** Sends a decision to every open hold that the filter lets through, page by page. */
export async function decideAll(
  ledger: Ledger,
  client: EraseClient,
  filter: HoldFilter,
  update: 'retry' | 'skip' | 'abort',
  decision: RetryDecision,
  {
    onHold = () => {},
    onProgress = () => {},
  }: { onHold?: (hold: HoldRecord) => void; onProgress?: (so: Released) => void } = {},
): Promise<Released> {
  const so: Released = { done: 0, gone: 0 };
  const tried = new Set<string>();
  for (;;) {
    const page = await ledger.listHolds({ ...filter, limit: PAGE + tried.size });
    const next = page.filter((hold) => !tried.has(`${hold.workflowId} ${hold.runId}`));
    if (next.length === 0) return so;
    for (const hold of next) {
      tried.add(`${hold.workflowId} ${hold.runId}`);
      onHold(hold);
    }
    for (let at = 0; at < next.length; at += UPDATES_AT_ONCE) {
      await Promise.all(
        next.slice(at, at + UPDATES_AT_ONCE).map(async (hold) => {
          if (await decideOne(ledger, client, hold, update, decision)) so.done += 1;
          else so.gone += 1;
        }),
      );
      onProgress(so);
    }
  }
}

/** A run is written down as held a moment before it says so itself; with a busy worker that is some seconds. Milliseconds. */
const UNTIL_HELD_MS = 30_000;
const LOOK_EVERY_MS = 500;

/** False when the run is no longer held; the ledger is then put right. One that is about to be held is waited for. */
export async function decideOne(
  ledger: Pick<Ledger, 'listHolds' | 'endHold'>,
  client: Pick<EraseClient, 'getHandle'>,
  hold: HoldRecord,
  update: 'retry' | 'skip' | 'abort',
  decision: RetryDecision,
): Promise<boolean> {
  const { EraseNotFoundError, EraseNotHeldError } = await import('../errors.js');
  const untilMs = Math.min(hold.since.getTime(), Date.now()) + UNTIL_HELD_MS;
  for (;;) {
    try {
      await client.getHandle(hold.workflowId)[update](decision);
      return true;
    } catch (error) {
      if (!(error instanceof EraseNotHeldError || error instanceof EraseNotFoundError)) throw error;
      const maySoonBe = error instanceof EraseNotHeldError && Date.now() < untilMs;
      if (!maySoonBe || !(await isOpen(ledger, hold))) break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
  await ledger.endHold(hold, { as: 'resolved', by: decision.by, reason: 'it was not held any more' });
  return false;
}

async function isOpen(ledger: Pick<Ledger, 'listHolds'>, { workflowId, runId }: HoldRecord): Promise<boolean> {
  return (await ledger.listHolds({ workflowId })).some((hold) => hold.runId === runId);
}

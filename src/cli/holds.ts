import type { Command } from 'commander';
import type { EraseClient, Expectation, RetryDecision } from '../client.js';
import { MAX_BY, MAX_DECISION_REASON } from '../contract/decision.js';
import type { HoldFilter, HoldRecord, HoldStore } from '../ledger/holds/hold-store.js';
import type { Ledger } from '../ledger/index.js';
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

/** Concurrent updates: each costs a worker some milliseconds. */
const UPDATES_AT_ONCE = 20;
/** Holds read from the ledger in one query. */
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

/** The holds that a command selects. @throws UsageError unless exactly one selector is given */
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

/** @throws UsageError when the name or the reason is missing or too long */
export function decisionOf({ by, reason }: HoldOptions): RetryDecision {
  const decided = mustSayWho(by, 'decides', '--by');
  reasonIfGiven(reason);
  atMost(MAX_BY, decided, '--by');
  atMost(MAX_DECISION_REASON, reason, '--reason');
  return { by: decided, reason };
}

function atMost(longest: number, text: string, option: string): void {
  if (text.length <= longest) return;
  throw new UsageError(`${option} has ${text.length} characters; at most ${longest} are allowed.`);
}

/** Opens the ledger for `work`, and always closes it. */
export async function withLedger<T>(work: (ledger: Ledger) => Promise<T>): Promise<T> {
  const { loadSettings } = await import('../config/settings.js');
  const { openLedger } = await import('../ledger/index.js');
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
  /** Held in the ledger, but by now decided by another operator, or ended. */
  gone: number;
}

/** Sends a decision to every open hold that matches the filter, page by page. */
export async function decideAll(
  holds: Pick<HoldStore, 'list' | 'end' | 'move'>,
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
    const page = await holds.list({ ...filter, limit: PAGE + tried.size });
    const next = page.filter((hold) => !keysOf(hold).some((key) => tried.has(key)));
    if (next.length === 0) return so;
    for (const hold of next) {
      for (const key of keysOf(hold)) tried.add(key);
      onHold(hold);
    }
    for (let at = 0; at < next.length; at += UPDATES_AT_ONCE) {
      await Promise.all(
        next.slice(at, at + UPDATES_AT_ONCE).map(async (hold) => {
          if (await decideOne(holds, client, hold, update, decision)) so.done += 1;
          else so.gone += 1;
        }),
      );
      onProgress(so);
    }
  }
}

/** Each run and each hold is decided once, even if the run is held again or the hold moves to another run. */
function keysOf({ workflowId, runId, since }: HoldRecord): string[] {
  return [`${workflowId} ${runId}`, `${workflowId} ${since.toISOString()}`];
}

/** The ledger records a hold before its run reports it; a busy worker takes some seconds. Milliseconds. */
const UNTIL_HELD_MS = 30_000;
const LOOK_EVERY_MS = 500;

/**
 * Decides only on that hold of that run; waits for a run that has not reported it yet. False when the hold is over; then it is
 * ended in the ledger.
 */
export async function decideOne(
  holds: Pick<HoldStore, 'list' | 'end' | 'move'>,
  client: Pick<EraseClient, 'getHandle'>,
  hold: HoldRecord,
  update: 'retry' | 'skip' | 'abort',
  decision: RetryDecision,
): Promise<boolean> {
  const { EraseNotFoundError, EraseNotHeldError } = await import('../errors.js');
  const untilMs = Math.min(hold.since.getTime(), Date.now()) + UNTIL_HELD_MS;
  let meant = hold;
  for (;;) {
    try {
      const handle = client.getHandle(meant.workflowId, meant.runId);
      await handle[update]({ ...decision, expect: expectationOf(meant) });
      return true;
    } catch (error) {
      if (!(error instanceof EraseNotHeldError || error instanceof EraseNotFoundError)) throw error;
      if (error.cause instanceof EraseNotFoundError) {
        const runId = await whereItWent(client, meant);
        if (runId === null || !(await holds.move(meant, runId))) break;
        meant = { ...meant, runId };
        continue;
      }
      const maySoonBe = error instanceof EraseNotHeldError && Date.now() < untilMs;
      if (!maySoonBe || !(await isOpen(holds, meant))) break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
  await holds.end(meant, { as: 'resolved', by: decision.by, reason: 'it was not held any more' });
  return false;
}

/** A row from before a migration has no submission. */
function expectationOf({ runId, class: errorClass, submission, since }: HoldRecord): Expectation {
  const isKnown = submission !== null || errorClass !== 'uncertain';
  return { runId, class: errorClass, since: since.toISOString(), ...(isKnown && { submission }) };
}

/** The run that continues with this hold, after a reset while it was held; else null. */
async function whereItWent(
  client: Pick<EraseClient, 'getHandle'>,
  { workflowId, since }: HoldRecord,
): Promise<string | null> {
  const { runId, held } = await client.getHandle(workflowId).status();
  return held?.since === since.toISOString() ? runId : null;
}

async function isOpen(holds: Pick<HoldStore, 'list'>, meant: HoldRecord): Promise<boolean> {
  const open = await holds.list({ workflowId: meant.workflowId });
  return open.some(
    (hold) =>
      hold.runId === meant.runId &&
      hold.class === meant.class &&
      hold.submission === meant.submission &&
      hold.since.getTime() === meant.since.getTime(),
  );
}

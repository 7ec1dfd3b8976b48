import type { BatchCounts } from '../../contract/batch.js';
import type { BatchFacts, ClaimWanted } from '../../ledger/batches/batch-feed-store.js';
import type { BatchEndedAs, BatchWaitingFor } from '../../ledger/db/schema.js';
import type { Breaker } from '../../ledger/holds/breaker.js';
import type { Cap } from '../../ledger/money/cap.js';
import { type FeederTimings, firstWindow, queuedRuns } from './timings.js';

/** Everything that determines the dispatcher's next action. */
export interface Situation {
  facts: BatchFacts;
  counts: BatchCounts;
  subAppIds: readonly number[];
  breakers: readonly Breaker[];
  caps: readonly Cap[];
  /** Runs that may wait to be submitted, as many as this machine keeps up with. */
  queued: number;
  /** Null where the batch has no budget. */
  committedUsd: number | null;
  /** Null where no canary is under way. */
  startedCount: number | null;
}

export interface Plan {
  waitingFor: BatchWaitingFor | null;
  waitingDetail: string | null;
  /** What may be started now; null: nothing. */
  feed: ClaimWanted | null;
  /** Why pending items are given up now; null: they are not. */
  giveUp: string | null;
  cancelRuns: boolean;
  /** How the batch ends once every item has ended; null while it runs. */
  endAs: BatchEndedAs | null;
}

export type Stop = { waitingFor: BatchWaitingFor; waitingDetail: string };

/** What to do with a batch; pure, so that a table can list every case. */
export function planOf(situation: Situation, timings: FeederTimings): Plan {
  const { facts, counts } = situation;
  const { batch, hasPending } = facts;
  const nothingOpen = facts.running === 0 && facts.held === 0;
  const plan: Plan = {
    waitingFor: null,
    waitingDetail: null,
    feed: null,
    giveUp: null,
    cancelRuns: false,
    endAs: hasPending || !nothingOpen ? null : endOf(situation),
  };
  if (plan.endAs !== null) return { ...plan, ...(plan.endAs === 'failed' ? intolerable(situation) : null) };
  switch (batch.state) {
    case 'cancelling':
      return { ...plan, cancelRuns: true, giveUp: hasPending ? 'The batch was cancelled.' : null };
    case 'draining':
      return {
        ...plan,
        ...busyStop({ ...facts, hasPending: false }),
        giveUp: hasPending && nothingOpen ? 'The batch was drained.' : null,
      };
    case 'paused':
    case 'ended':
      return plan;
    case 'running':
  }
  const { deadlineAt } = batch.settings;
  if (hasPending && deadlineAt !== null && Date.parse(deadlineAt) <= facts.now.getTime()) {
    return { ...plan, giveUp: `The deadline of the batch, ${deadlineAt}, had passed.` };
  }
  const tolerance = intolerable(situation);
  if (tolerance !== null) {
    return { ...plan, ...tolerance, giveUp: nothingOpen && hasPending ? tolerance.waitingDetail : null };
  }
  const turns = Math.min(windowRoom(facts, timings), queueRoom(situation, timings));
  const room = Math.min(turns, concurrencyRoom(facts), sampleRoom(situation));
  const mayFeed = hasPending && counts.total > 0;
  const paidStop = paymentStop(situation);
  if (paidStop !== null) {
    // Paid tasks are only read, and the vendor forgets them in three days: reading does not wait for money or an account.
    const free = mayFeed && facts.hasPendingFree && room > 0 && sampleStop(situation) === null;
    return {
      ...plan,
      ...paidStop,
      feed: free ? { limit: room, roomUsd: null, blockedSubApps: [], onlyFree: true } : null,
    };
  }
  if (!mayFeed) return { ...plan, ...busyStop(facts) };
  const stop = sampleStop(situation) ?? vendorStop(facts, timings);
  if (stop !== null) return { ...plan, ...stop };
  if (room <= 0) return { ...plan, ...busyStop(facts) };
  const blockedSubApps = [...shutSubApps(situation)];
  return { ...plan, feed: { limit: room, roomUsd: roomUsd(situation), blockedSubApps, onlyFree: false } };
}

/** Why nothing can be paid for; a sub-application that cannot pay stops only itself while another can. */
function paymentStop(situation: Situation): Stop | null {
  const { subAppIds } = situation;
  const stopsAll = (some: ReadonlySet<number>) => subAppIds.length > 0 && subAppIds.every((id) => some.has(id));
  if (stopsAll(brokenSubApps(situation))) return breakerStop(situation);
  if (!situation.facts.hasPending || sampleStop(situation) !== null) return null;
  return moneyStop(situation, stopsAll(shutSubApps(situation)));
}

/**
 * Why nothing could be claimed though the batch may run: the remaining items are of sub-applications that cannot pay, or exceed
 * the remaining budget. Null: the batch was just stopped, or its items were just claimed.
 */
export function nothingFits(situation: Situation, { blockedSubApps, roomUsd: room }: ClaimWanted): Stop | null {
  const broken = brokenSubApps(situation);
  const shut = [...blockedSubApps];
  if (shut.length > 0) {
    const why = shut.some((id) => broken.has(id))
      ? ({ waitingFor: 'breaker', what: 'whose breaker is open' } as const)
      : ({ waitingFor: 'cap', what: 'whose cap has no room' } as const);
    const whose = `the sub-application${shut.length > 1 ? 's' : ''} ${shut.join(', ')}`;
    return { waitingFor: why.waitingFor, waitingDetail: `All items that are left are of ${whose}, ${why.what}.` };
  }
  if (room === null) return null;
  const waitingFor = situation.facts.batch.settings.maxCostUsd === null ? 'cap' : 'budget';
  return {
    waitingFor,
    waitingDetail: `No item that is left fits into the ${usd(Math.max(0, room))} USD that may be spent.`,
  };
}

/** Sub-applications whose breaker is open, or whose own cap has no room. */
function shutSubApps(situation: Situation): Set<number> {
  const shut = brokenSubApps(situation);
  for (const cap of situation.caps) {
    const subAppId = situation.subAppIds.find((id) => cap.scope === `sub-app/${id}`);
    if (subAppId !== undefined && isEmpty(cap, situation.facts)) shut.add(subAppId);
  }
  return shut;
}

function endOf(situation: Situation): BatchEndedAs {
  const { batch } = situation.facts;
  if (batch.state === 'cancelling') return 'cancelled';
  if (batch.state === 'draining') return 'drained';
  if (intolerable(situation) !== null) return 'failed';
  const { deadlineAt } = batch.settings;
  const passed = deadlineAt !== null && Date.parse(deadlineAt) <= situation.facts.now.getTime();
  return passed && situation.counts.skipped > 0 ? 'deadline' : 'completed';
}

function intolerable({ facts, counts }: Situation): Stop | null {
  const { tolerate, minSample } = facts.batch.settings;
  if (tolerate === null) return null;
  const failed = counts.failed + counts.timedOut;
  const ended = counts.succeeded + counts.reused + failed;
  const stop = (allowed: string): Stop => ({
    waitingFor: 'tolerance',
    waitingDetail: `${failed} of ${ended} items failed; ${allowed} is tolerated.`,
  });
  if ('count' in tolerate) return failed > tolerate.count ? stop(String(tolerate.count)) : null;
  const enough = ended >= Math.max(1, Math.min(minSample, counts.total));
  return enough && failed * 100 > ended * tolerate.percent ? stop(`${tolerate.percent}%`) : null;
}

/** Sub-applications for which nothing can be submitted. */
function brokenSubApps({ subAppIds, breakers }: Situation): Set<number> {
  if (breakers.some(({ scope }) => scope === 'account')) return new Set(subAppIds);
  return new Set(subAppIds.filter((id) => breakers.some(({ scope }) => scope === `sub-app/${id}`)));
}

function breakerStop({ breakers, subAppIds }: Situation): Stop {
  const concerned = breakers.find(
    ({ scope }) => scope === 'account' || subAppIds.some((id) => scope === `sub-app/${id}`),
  );
  return {
    waitingFor: 'breaker',
    waitingDetail: `The breaker ${concerned?.scope} is open (${concerned?.code}): ${concerned?.message}`,
  };
}

function sampleStop({ facts, startedCount }: Situation): Stop | null {
  const { sampleSize } = facts.batch.settings;
  if (sampleSize === null || startedCount === null || startedCount < sampleSize) return null;
  if (facts.running > 0 || facts.held > 0)
    return { waitingFor: 'sample', waitingDetail: `The ${sampleSize} items of the sample run.${busyText(facts)}` };
  return {
    waitingFor: 'sample',
    waitingDetail: `The ${sampleSize} items of the sample have ended; \`smart-erase batch go ${facts.batch.id} --reason "…"\` lets the others go on.`,
  };
}

function sampleRoom({ facts, startedCount }: Situation): number {
  const { sampleSize } = facts.batch.settings;
  return sampleSize === null || startedCount === null ? Number.POSITIVE_INFINITY : sampleSize - startedCount;
}

/** @param allShut whether no sub-application can pay, because of its breaker or its own cap */
function moneyStop(situation: Situation, allShut: boolean): Stop | null {
  const { facts, committedUsd } = situation;
  const { maxCostUsd } = facts.batch.settings;
  if (maxCostUsd !== null && committedUsd !== null && committedUsd + facts.nextUsd > maxCostUsd + ROUNDING_USD) {
    return {
      waitingFor: 'budget',
      waitingDetail: `${usd(committedUsd)} USD of the batch's ${usd(maxCostUsd)} are spent or committed; the next item needs ${usd(facts.nextUsd)}.`,
    };
  }
  const cap = situation.caps.find(
    (each) => isEmpty(each, facts) && (each.scope === 'all' || (allShut && concerns(each, situation))),
  );
  if (cap === undefined) return null;
  return {
    waitingFor: 'cap',
    waitingDetail: `The cap ${cap.scope}/${cap.period} of ${usd(cap.limitUsd)} USD has ${usd(cap.leftUsd)} left; the next item needs ${usd(facts.nextUsd)}.`,
  };
}

/** Tolerance for floating-point sums of many estimates. */
const ROUNDING_USD = 1e-6;

function concerns({ scope }: Cap, { subAppIds }: Pick<Situation, 'subAppIds'>): boolean {
  return scope === 'all' || subAppIds.some((id) => scope === `sub-app/${id}`);
}

function isEmpty(cap: Cap, facts: BatchFacts): boolean {
  return capRoom(cap, facts) + ROUNDING_USD < facts.nextUsd || cap.leftUsd <= 0;
}

/** Runs that were started use up the budget once they are submitted. */
function capRoom({ leftUsd }: Cap, { unsubmittedUsd }: BatchFacts): number {
  return leftUsd - unsubmittedUsd;
}

function roomUsd(situation: Situation): number | null {
  const { facts, committedUsd } = situation;
  const { maxCostUsd } = facts.batch.settings;
  const shut = shutSubApps(situation);
  const subAppIds = situation.subAppIds.filter((id) => !shut.has(id));
  const rooms = situation.caps.filter((cap) => concerns(cap, { subAppIds })).map((cap) => capRoom(cap, facts));
  if (maxCostUsd !== null && committedUsd !== null) rooms.push(maxCostUsd - committedUsd);
  return rooms.length === 0 ? null : Math.min(...rooms) + ROUNDING_USD;
}

function vendorStop({ oldestTaskAgeMs }: BatchFacts, { oldestTaskMs }: FeederTimings): Stop | null {
  if (oldestTaskAgeMs === null || oldestTaskAgeMs <= oldestTaskMs) return null;
  const hours = (ms: number) => (ms / 3_600_000).toFixed(1);
  return {
    waitingFor: 'vendor',
    waitingDetail: `The oldest unfinished task was submitted ${hours(oldestTaskAgeMs)} h ago (limit ${hours(oldestTaskMs)} h): the vendor is slower than the submits.`,
  };
}

/** Why nothing progresses: all remaining items, or all that may run at once, wait for busy files. */
function busyStop(facts: BatchFacts): Stop | null {
  const { hasPending, running, inReview, unsubmitted, backingOff, sentAgain } = facts;
  const busy = backingOff + sentAgain;
  if (backingOff === 0 || unsubmitted > busy) return null;
  const fillsAll = concurrencyRoom(facts) <= 0 && running - inReview <= busy;
  return hasPending && !fillsAll ? null : { waitingFor: 'busyFiles', waitingDetail: busyText(facts).trim() };
}

function busyText({ backingOff, sentAgain, backingOffCode }: BatchFacts): string {
  if (backingOff === 0) return '';
  const busy = backingOff + sentAgain;
  const files = busy === 1 ? '1 file is' : `${busy} files are`;
  return ` ${files} busy at the vendor (${backingOffCode}): each is tried again by itself, every five minutes in the end.`;
}

/**
 * Items held, in review, or with a busy file do not count against the window, since they wait for a person or a timer. They count
 * against the concurrency.
 */
function windowRoom({ batch, running, inReview, backingOff }: BatchFacts, { submitsPerSecond }: FeederTimings): number {
  const window = Math.min(batch.settings.concurrency, Math.max(batch.window, firstWindow(submitsPerSecond)));
  return window - (running - inReview - backingOff);
}

function concurrencyRoom({ batch, running, held }: BatchFacts): number {
  return batch.settings.concurrency - running - held;
}

/** Running batches share the number of runs that may wait to be submitted, and so the rate. */
function queueRoom({ facts, queued }: Situation, { submitsPerSecond }: FeederTimings): number {
  const share = Math.max(1, Math.ceil(queuedRuns(submitsPerSecond) / Math.max(1, facts.feeders)));
  return Math.min(share, queued) - awaitingTurn(facts);
}

/** Items that wait for a submit slot. */
export function awaitingTurn({ unsubmitted, backingOff }: Pick<BatchFacts, 'unsubmitted' | 'backingOff'>): number {
  return unsubmitted - backingOff;
}

function usd(amount: number): string {
  return amount.toFixed(2);
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { type BatchSnapshot, batchWorkflowId } from '../../contract/batch.js';
import { retryDelayMs } from '../../contract/error-classes.js';
import { namesOfQueue } from '../../contract/names.js';
import type { BatchFacts, ClaimWanted, ItemEnd } from '../../ledger/batches/batch-feed-store.js';
import type { Ledger } from '../../ledger/index.js';
import type { EraseRuns } from '../../temporal/erase-runs.js';
import { grpcCode, grpcMessage } from '../../temporal/service-errors.js';
import type { ActivityDependencies } from '../dependencies.js';
import { finalFailure, readFailure, retryFailure } from '../shared/failures.js';
import { forEach } from '../shared/for-each.js';
import { awaitingTurn, nothingFits, type Plan, planOf, type Situation, type Stop } from './plan-tick.js';
import { leftToOthers, lookAtRun, settleFinishedRuns } from './settle-finished-runs.js';
import { startItems } from './start-items.js';
import {
  type FeederTimings,
  FIRST_QUEUED,
  firstWindow,
  grownWindow,
  nextQueued,
  roundMs,
  tickMsAt,
} from './timings.js';

export interface FeedBatchInput {
  batchId: string;
}

export interface FeedBatchOutcome {
  snapshot: BatchSnapshot;
}

export interface FeederDependencies {
  ledger: Ledger;
  feeder: {
    runs: EraseRuns;
    timings: FeederTimings;
    /** Aborted when the worker shuts down: another worker continues. */
    stopping: AbortSignal;
  };
}

/** Runs described in a tick: those that probably ended, and a sweep that finds missed ends. */
const LOOKS = { due: 400, sweep: 10 };
/** Cancels sent in a tick: unsubmitted items first; the rest at the vendor's 20 aborts a second. */
const CANCELS = { unsubmitted: 500, others: 10 };
const CANCELS_AT_ONCE = 16;
/** Items given up in one statement. */
const GIVE_UP = 10_000;
/**
 * Longest time for the reads and starts of a tick, in milliseconds. On a slow server too, controls act and ends are counted; the
 * rest follows in the next tick.
 */
const LOOKING_MS = 1_500;
const STARTING_MS = 1_500;
/** Shortest time between two counts of all items of a large batch, in milliseconds; open items are counted in every tick. */
const COUNT_EVERY_MS = 2_000;
/** Between two heartbeats, in milliseconds. */
const BEAT_MS = 2_000;

/** One round of the dispatcher: several ticks, until the batch ends, its activity changes, or the round is over. */
export function createFeedBatch({ ledger, feeder }: Pick<ActivityDependencies, 'ledger' | 'feeder'>) {
  return async function feedBatch({ batchId }: FeedBatchInput): Promise<FeedBatchOutcome> {
    const context = Context.current();
    if (feeder === undefined) throw new Error('This worker was made without what feeds batches.');
    const { prefix } = namesOfQueue(context.info.taskQueue);
    const stop = AbortSignal.any([feeder.stopping, context.cancellationSignal]);
    const beat = setInterval(() => context.heartbeat(), BEAT_MS);
    try {
      return { snapshot: await new Round(ledger, feeder.runs, feeder.timings, batchId, prefix).run(stop) };
    } catch (error) {
      throw asFailure(error, Math.min(context.info.attempt, MAX_BACK_OFF_ATTEMPT));
    } finally {
      clearInterval(beat);
    }
  };
}

/** Delays double with the attempt; a control must act within seconds once the servers are back. */
const MAX_BACK_OFF_ATTEMPT = 2;

/** Retry soon after any Temporal or ledger error: nothing is lost, since the next round starts from the ledger. */
function asFailure(error: unknown, attempt: number): unknown {
  if (grpcCode(error) === undefined) return readFailure(error, attempt);
  const message = `Temporal: ${grpcMessage(error)}`;
  return retryFailure('unavailable', { code: 'temporal.unavailable', message }, retryDelayMs('unavailable', attempt));
}

class Round {
  /** Runs that may wait to be submitted, and how many did after the last tick. */
  private queued = FIRST_QUEUED;
  private waiting = 0;
  /** Why the last claim found nothing, where that is a reason to wait. */
  private stuck: Stop | null = null;
  private counted: { at: number; counts: Situation['counts']; subAppIds: number[] } | undefined;

  constructor(
    private readonly ledger: Ledger,
    private readonly runs: EraseRuns,
    private readonly timings: FeederTimings,
    private readonly batchId: string,
    private readonly prefix: string,
  ) {}

  async run(stop: AbortSignal): Promise<BatchSnapshot> {
    await this.refuseElsewhere();
    const beginsAt = performance.now();
    let shown: string | undefined;
    for (;;) {
      const tickAt = performance.now();
      const { facts, plan } = await this.tick(stop);
      const shows = `${facts.batch.state} ${plan.waitingFor}`;
      const ageMs = facts.now.getTime() - facts.batch.createdAt.getTime();
      const overMs = roundMs(ageMs, this.timings);
      const changed = shown !== undefined && shown !== shows;
      shown = shows;
      if (changed || facts.batch.state === 'ended' || stop.aborted || tickAt - beginsAt > overMs) {
        return await this.snapshot();
      }
      const restMs = tickMsAt(ageMs, this.timings) - (performance.now() - tickAt);
      await sleep(Math.max(20, restMs), undefined, { signal: stop }).catch(() => {});
    }
  }

  /** Checked first: the runs of another namespace's batch would all seem to be missing. */
  private async refuseElsewhere(): Promise<void> {
    const { namespace } = this.ledger;
    const batch = await this.ledger.batches.find(this.batchId);
    if (batch === null || batch.namespace === namespace) return;
    throw finalFailure('input', {
      code: 'OtherNamespace',
      message:
        `The batch ${this.batchId} belongs to the namespace "${batch.namespace}", so this feeder in "${namespace}" must not run it. ` +
        'Resume it with the TEMPORAL_NAMESPACE that it was started with.',
    });
  }

  private async tick(stop: AbortSignal): Promise<{ facts: BatchFacts; plan: Plan }> {
    const { batchFeed: feed } = this.ledger;
    await feed.noteProgress(this.batchId);
    const due = await feed.dueForLook(this.batchId, LOOKS);
    const lookUntilMs = performance.now() + LOOKING_MS;
    const completed = await settleFinishedRuns({ feed, runs: this.runs }, this.batchId, due, lookUntilMs);
    const situation = await this.situation(completed > 0);
    const { facts } = situation;
    const planned = planOf(situation, this.timings);
    const mayFeed = planned.feed !== null && planned.waitingFor === null;
    const plan = mayFeed && this.stuck !== null ? { ...planned, ...this.stuck } : planned;
    await this.widen(facts, completed);
    await feed.setWaiting(this.batchId, plan.waitingFor, plan.waitingDetail);
    if (plan.giveUp !== null && (await feed.skipPending(this.batchId, plan.giveUp, GIVE_UP)) > 0)
      this.counted = undefined;
    if (plan.cancelRuns) await this.cancelSome();
    if (plan.feed !== null && !stop.aborted) await this.start(plan.feed, situation);
    if (plan.endAs !== null && (await feed.end(this.batchId, plan.endAs))) facts.batch.state = 'ended';
    return { facts, plan };
  }

  private async start(wanted: ClaimWanted, situation: Situation): Promise<void> {
    const { batchFeed: feed } = this.ledger;
    const { facts } = situation;
    const claimed = await feed.claim(this.batchId, wanted);
    this.stuck = claimed.length === 0 && !wanted.onlyFree ? nothingFits(situation, wanted) : null;
    const untilMs = performance.now() + STARTING_MS;
    const { tried, ended } = await startItems({ feed, runs: this.runs }, this.batchId, claimed, untilMs);
    this.waiting = awaitingTurn(facts) + tried;
    // Starts that Temporal refused count against the tolerance, too.
    if (ended > 0 && facts.batch.settings.tolerate !== null) this.counted = undefined;
  }

  private async situation(changed: boolean): Promise<Situation> {
    const { batchFeed: feed, batches } = this.ledger;
    const facts = await feed.facts(this.batchId);
    if (facts === null) {
      throw finalFailure('input', { code: 'NoSuchBatch', message: `The ledger has no batch ${this.batchId}.` });
    }
    const { workflowId } = facts.batch;
    if (workflowId !== batchWorkflowId(this.batchId, this.prefix)) {
      // The items' workflow ids carry that prefix: with any other, the runs and their cost could not be found.
      throw finalFailure('input', {
        code: 'OtherPrefix',
        message:
          `The batch ${this.batchId} was written as ${workflowId}, so this feeder with the prefix "${this.prefix}" must not run it. ` +
          'Resume it with the SMART_ERASE_PREFIX that it was started with.',
      });
    }
    const { settings, samplePassedAt } = facts.batch;
    this.queued = nextQueued(this.queued, { before: this.waiting, left: awaitingTurn(facts) });
    this.waiting = awaitingTurn(facts);
    const nothingLeft = !facts.hasPending && facts.running === 0 && facts.held === 0;
    const oldMs = performance.now() - (this.counted?.at ?? 0);
    // A failure limit must be checked before more items are started.
    const oldEnough = settings.tolerate !== null || oldMs > COUNT_EVERY_MS;
    if (this.counted === undefined || nothingLeft || (changed && oldEnough)) {
      const counts = await batches.counts(this.batchId);
      const subAppIds = await feed.subAppIds(this.batchId);
      if (counts !== null) this.counted = { at: performance.now(), counts, subAppIds };
    }
    const { counts, subAppIds } = this.counted as NonNullable<typeof this.counted>;
    const inSample = settings.sampleSize !== null && samplePassedAt === null;
    return {
      facts,
      counts,
      subAppIds,
      breakers: await this.ledger.breakers.list(),
      caps: await this.ledger.caps.list(),
      committedUsd: settings.maxCostUsd === null ? null : await feed.committedUsd(this.batchId),
      queued: this.queued,
      startedCount: inSample ? await feed.startedCount(this.batchId) : null,
    };
  }

  private async widen({ batch, running, backingOff, oldestTaskAgeMs }: BatchFacts, completed: number): Promise<void> {
    const window = Math.max(batch.window, firstWindow(this.timings.submitsPerSecond));
    const grown = grownWindow(window, { completed, inFlight: running - backingOff, oldestTaskAgeMs }, this.timings);
    await this.ledger.batchFeed.setWindow(this.batchId, Math.min(grown, batch.settings.concurrency));
  }

  /**
   * The erase itself finds out what was submitted, and aborts what still waits at the vendor. A run that another caller began is
   * theirs: this batch only stops waiting for it.
   */
  private async cancelSome(): Promise<void> {
    const { batchFeed: feed } = this.ledger;
    const items = await feed.toCancel(this.batchId, CANCELS);
    const asked: number[] = [];
    const theirs: ItemEnd[] = [];
    try {
      await forEach(items, { atOnce: CANCELS_AT_ONCE }, async (item) => {
        const { number, workflowId } = item;
        const seen = await lookAtRun(this.runs, item);
        if (seen.kind === 'open' && seen.batchId !== this.batchId) {
          theirs.push(leftToOthers(number, seen));
          return;
        }
        if (seen.kind === 'open') {
          await this.runs.cancel(workflowId, { reason: `The batch ${this.batchId} was cancelled.`, by: null });
        }
        asked.push(number);
      });
    } finally {
      await feed.settle(this.batchId, theirs);
      await feed.cancelAsked(this.batchId, asked);
    }
  }

  private async snapshot(): Promise<BatchSnapshot> {
    const snapshot = await this.ledger.batches.snapshot(this.batchId);
    if (snapshot === null) throw new Error(`The batch ${this.batchId} is gone.`);
    return snapshot;
  }
}

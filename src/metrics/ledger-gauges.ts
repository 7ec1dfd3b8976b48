import { Gauge, type Registry } from 'prom-client';
import { BATCH_ITEM_STATES } from '../contract/batch.js';
import { ERROR_CLASSES } from '../contract/error-classes.js';
import type { LedgerState, StateStore } from '../ledger/submissions/state-store.js';
import { METRIC_PREFIX } from './worker-metrics.js';

/**
 * Cache time of a ledger read, in milliseconds: several Prometheus servers and people may read one worker, and each read loads
 * the database.
 */
const FRESH_MS = 5_000;

/** Maximum wait of a scrape for the ledger, in milliseconds; Prometheus' default scrape timeout is 10 s. */
const DEADLINE_MS = 3_000;

const STATES = {
  scope: ['account', 'sub-app'],
  outcome: ['succeeded', 'failed', 'aborted', 'expired'],
  batch: ['running', 'paused', 'draining', 'cancelling'],
  waitingFor: ['breaker', 'cap', 'budget', 'sample', 'tolerance', 'vendor', 'busyFiles'],
  latePhase: ['review', 'publishing'],
  item: BATCH_ITEM_STATES,
} as const;

/**
 * Gauges read from the ledger on demand. All workers on one ledger report the same values: aggregate with max, never sum.
 *
 * While the ledger is unavailable, its gauges are omitted instead of stale, and `ledger_up` is 0.
 */
export class LedgerGauges {
  readonly #up: Gauge;
  readonly #gauges = new Map<string, Gauge<string>>();
  #reading: Promise<boolean> | undefined;
  #freshUntilMs = 0;

  constructor(
    private readonly registry: Registry,
    private readonly store: Pick<StateStore, 'read'>,
    private readonly vendorMemorySeconds: number,
  ) {
    this.#up = new Gauge({
      name: `${METRIC_PREFIX}ledger_up`,
      help: '1 when the ledger answered this worker at the last look.',
      registers: [registry],
    });
  }

  /** Never rejects, and never takes longer than {@link DEADLINE_MS}. */
  async refresh(): Promise<void> {
    if (this.#reading === undefined) {
      if (performance.now() < this.#freshUntilMs) return;
      this.#reading = this.#read();
    }
    // A late read continues, and the next scrape waits for it instead of starting another.
    const up = await Promise.race([this.#reading, after(DEADLINE_MS)]);
    if (up !== true) this.#forget();
  }

  async #read(): Promise<boolean> {
    try {
      this.#show(await this.store.read(this.vendorMemorySeconds));
      this.#up.set(1);
      return true;
    } catch {
      return false;
    } finally {
      this.#reading = undefined;
      this.#freshUntilMs = performance.now() + FRESH_MS;
    }
  }

  #forget(): void {
    this.#up.set(0);
    for (const gauge of this.#gauges.values()) gauge.reset();
    for (const name of this.#gauges.keys()) this.registry.removeSingleMetric(name);
    this.#gauges.clear();
  }

  #show(state: LedgerState): void {
    const breakers = this.#fresh('breakers', 'Breakers that stop submits now, by what they cover.', 'scope', 'state');
    for (const scope of STATES.scope) breakers.set({ scope, state: 'open' }, 0);
    for (const { scope, count } of state.breakers) breakers.set({ scope, state: 'open' }, count);

    const holds = this.#fresh('holds', 'Erases that wait for an operator, by why.', 'class');
    const oldest = this.#fresh('hold_age_seconds', 'Age of the oldest hold, by why.', 'class');
    for (const each of Object.keys(ERROR_CLASSES)) {
      holds.set({ class: each }, 0);
      oldest.set({ class: each }, 0);
    }
    for (const each of state.holds) {
      // A class of a newer version would be an unbounded label.
      const label = { class: each.class in ERROR_CLASSES ? each.class : 'other' };
      holds.set(label, each.count);
      oldest.set(label, each.oldestSeconds);
    }

    const erases = this.#fresh('erases', 'Erases that are under way, by where they are.', 'phase');
    erases.set({ phase: 'submitting' }, state.sending.count);
    erases.set({ phase: 'waiting' }, state.unread.count);
    erases.set({ phase: 'held' }, sum(state.holds));
    for (const phase of STATES.latePhase) erases.set({ phase }, 0);
    for (const { phase, count } of state.latePhases) erases.set({ phase }, count);
    const outcomes = this.#fresh('task_outcomes', 'Tasks that ended, in all time, by how.', 'outcome');
    for (const outcome of STATES.outcome) outcomes.set({ outcome }, 0);
    for (const { outcome, count } of state.outcomes) outcomes.set({ outcome }, count);

    this.#one('unread_task_age_seconds', 'Since the oldest submit whose task is not read.', state.unread.oldestSeconds);
    this.#one('sending_age_seconds', 'Since the oldest submit of unknown outcome.', state.sending.oldestSeconds);
    this.#one('forgotten_tasks', 'Paid tasks that the vendor forgot before they were read.', state.forgotten);
    this.#one('watch_age_seconds', 'Since finished tasks were last listed, where runs wait.', state.watchAgeSeconds);
    this.#one('throttled_seconds', 'Since when every submit is throttled; 0: not so.', state.throttledSeconds);

    const spent = this.#fresh('spent_usd', 'Estimated, today (UTC) and in all; refunds make it smaller.', 'period');
    spent.set({ period: 'day' }, state.spentUsd.day);
    spent.set({ period: 'total' }, state.spentUsd.total);
    const limits = this.#fresh('cap_limit_usd', 'The cap of each kind that is used up most.', 'scope', 'period');
    const used = this.#fresh('cap_used_ratio', 'Which part of that cap is used.', 'scope', 'period');
    for (const { scope, period, limitUsd, usedRatio } of state.caps) {
      limits.set({ scope, period }, limitUsd);
      used.set({ scope, period }, usedRatio);
    }

    const batches = this.#fresh('batches', 'Batches that have not ended.', 'state');
    const waiting = this.#fresh('batches_waiting', 'Batches that feed nothing now, by what they wait for.', 'for');
    const items = this.#fresh('batch_items', 'Items of the batches that have not ended.', 'state');
    for (const each of STATES.batch) batches.set({ state: each }, 0);
    for (const each of STATES.waitingFor) waiting.set({ for: each }, 0);
    for (const each of STATES.item) items.set({ state: each }, 0);
    for (const { state: each, waitingFor, count } of state.batches) {
      batches.inc({ state: each }, count);
      if (waitingFor !== null) waiting.inc({ for: waitingFor }, count);
    }
    for (const { state: each, count } of state.batchItems) items.set({ state: each }, count);
  }

  #one(name: string, help: string, value: number): void {
    this.#fresh(name, help).set(value);
  }

  /** Removes the series of the previous read. */
  #fresh(name: string, help: string, ...labelNames: string[]): Gauge<string> {
    const full = METRIC_PREFIX + name;
    let gauge = this.#gauges.get(full);
    if (gauge === undefined) {
      gauge = new Gauge({ name: full, help, labelNames, registers: [this.registry] });
      this.#gauges.set(full, gauge);
    }
    gauge.reset();
    return gauge;
  }
}

function sum(holds: LedgerState['holds']): number {
  return holds.reduce((all, { count }) => all + count, 0);
}

function after(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined).unref());
}

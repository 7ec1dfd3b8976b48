import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { ERROR_CLASSES, type ErrorClass, isErrorClass } from '../contract/error-classes.js';
import { ACTIVITY } from '../contract/names.js';
import { DOCUMENTED_RATE } from '../contract/vendor-limits.js';
import { SUBMIT_ACTION } from '../tencent-vod/rates.js';
import type { EraseEnd } from '../workflows/metrics-sink.js';

/** Prefix of our metrics; the Temporal SDK's begin with `temporal_`, Node's with `nodejs_`. */
export const METRIC_PREFIX = 'smart_erase_';

/** From a fast read to a call that times out, in seconds. */
const CALL_BUCKETS_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40];
/** From immediate, over the watch's seconds and the polls' minutes, to hours, in seconds. */
const LAG_BUCKETS_SECONDS = [1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400];

/** Outcome of a paid call; `unclear` where it may have been executed. */
export type SubmitOutcome = 'accepted' | 'refused' | 'unclear';

/** Counters of this process. Labels have fixed values: never an id, a file, a URL or a message. */
export class WorkerMetrics {
  readonly registry = new Registry();
  readonly #submits: Counter<'outcome' | 'class'>;
  readonly #calls: Histogram<'action'>;
  readonly #callErrors: Counter<'action' | 'class'>;
  readonly #activityFailures: Counter<'activity' | 'class'>;
  readonly #ends: Counter<'outcome' | 'class'>;
  readonly #lag: Histogram;
  readonly #ready: Gauge;
  readonly #draining: Gauge;

  constructor({ submitsPerSecond }: { submitsPerSecond: number }) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#submits = new Counter({
      name: `${METRIC_PREFIX}submits_total`,
      help: 'Paid calls (ProcessMediaByMPS) that left this process, by what came of them and the class of the error.',
      labelNames: ['outcome', 'class'],
      registers,
    });
    new Gauge({
      name: `${METRIC_PREFIX}submit_budget_per_second`,
      help: 'Submits in any second that all workers together may make (VOD_SUBMIT_RPS).',
      registers,
    }).set(submitsPerSecond);
    this.#calls = new Histogram({
      name: `${METRIC_PREFIX}vod_call_seconds`,
      help: 'Time of one call of the vendor’s API, its wait for this process’s own pace included, answered or not.',
      labelNames: ['action'],
      buckets: CALL_BUCKETS_SECONDS,
      registers,
    });
    this.#callErrors = new Counter({
      name: `${METRIC_PREFIX}vod_errors_total`,
      help: 'Calls of the vendor’s API that ended in an error, by the class of the error.',
      labelNames: ['action', 'class'],
      registers,
    });
    this.#activityFailures = new Counter({
      name: `${METRIC_PREFIX}activity_failures_total`,
      help: 'Attempts of activities that failed, by the class of the error. Waiting is no failure.',
      labelNames: ['activity', 'class'],
      registers,
    });
    this.#ends = new Counter({
      name: `${METRIC_PREFIX}erases_ended_total`,
      help: 'Runs of erase that ended in this process, by how, and by the class of the error where they failed.',
      labelNames: ['outcome', 'class'],
      registers,
    });
    this.#lag = new Histogram({
      name: `${METRIC_PREFIX}completion_lag_seconds`,
      help: 'From the end of a task, by the vendor’s clock, to its outcome in the ledger.',
      buckets: LAG_BUCKETS_SECONDS,
      registers,
    });
    this.#ready = new Gauge({
      name: `${METRIC_PREFIX}worker_ready`,
      help: '1 while this process takes work, as /readyz says.',
      registers,
    });
    this.#draining = new Gauge({
      name: `${METRIC_PREFIX}worker_draining`,
      help: '1 while this process ends what runs and takes nothing new.',
      registers,
    });
    this.#beginAtZero();
  }

  /** A series that starts with its first event shows no increase for it, so common ones start at 0. */
  #beginAtZero(): void {
    this.#submits.inc({ outcome: 'accepted', class: 'none' }, 0);
    for (const each of ['throttled', 'account', 'input', 'retry']) {
      this.#submits.inc({ outcome: 'refused', class: each }, 0);
    }
    this.#submits.inc({ outcome: 'unclear', class: 'ambiguous' }, 0);
    for (const outcome of ['succeeded', 'reused', 'cancelled']) this.#ends.inc({ outcome, class: 'none' }, 0);
    for (const each of Object.keys(ERROR_CLASSES)) this.#ends.inc({ outcome: 'failed', class: each }, 0);
    for (const action of [SUBMIT_ACTION, ...Object.keys(DOCUMENTED_RATE)]) {
      for (const each of ['throttled', 'retry', 'ambiguous']) this.#callErrors.inc({ action, class: each }, 0);
    }
    for (const activity of Object.values(ACTIVITY)) {
      for (const each of ['unexpected', 'other']) this.#activityFailures.inc({ activity, class: each }, 0);
    }
  }

  submitted(outcome: SubmitOutcome, errorClass: ErrorClass | 'none'): void {
    this.#submits.inc({ outcome, class: errorClass });
  }

  called(action: string, seconds: number): void {
    this.#calls.observe({ action }, seconds);
  }

  callFailed(action: string, errorClass: ErrorClass): void {
    this.#callErrors.inc({ action, class: errorClass });
  }

  activityFailed(activity: string, errorClass: ErrorClass | 'other'): void {
    this.#activityFailures.inc({ activity, class: errorClass });
  }

  /** @param errorClass of a failed run; an unknown class counts as `other` */
  ended(outcome: EraseEnd, errorClass: string | null): void {
    const known = errorClass === null ? 'none' : isErrorClass(errorClass) ? errorClass : 'other';
    this.#ends.inc({ outcome, class: known });
  }

  /** The vendor's times are whole seconds of another clock, so negative lags count as 0. */
  noticed(lagSeconds: number): void {
    this.#lag.observe(Math.max(0, lagSeconds));
  }

  worker({ ready, draining }: { ready: boolean; draining: boolean }): void {
    this.#ready.set(Number(ready));
    this.#draining.set(Number(draining));
  }
}

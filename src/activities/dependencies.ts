import type { SearchAttributeKey } from '../contract/names.js';
import type { Recipe } from '../contract/recipes.js';
import type { Ledger } from '../ledger/index.js';
import type { RateLimiter } from '../rate-limit/index.js';
import type { EraseRuns } from '../temporal/erase-runs.js';
import type { Unfit } from '../tencent-vod/fitness.js';
import type { SubmitConnection, VodApi } from '../tencent-vod/vod-api.js';
import type { WebhookSender } from '../webhook/sender.js';
import type { FeederTimings } from './batch/timings.js';
import type { RunningWatches } from './completion-watch/running-watches.js';
import type { WatchTimings } from './completion-watch/timings.js';

/** What the activities need from the worker that runs them. */
export interface ActivityDependencies {
  vod: VodApi;
  ledger: Ledger;
  webhooks: WebhookSender;
  /** Sub-applications that may be submitted for; undefined: any. */
  allowedSubAppIds?: readonly number[] | undefined;
  /** Search attributes that the namespace has: upserting any other blocks a workflow for ever. */
  registeredSearchAttributes: () => Promise<SearchAttributeKey[]>;
  /** The estimated cost of a submit, in USD. Never fails, and takes some seconds at most. */
  estimateUsd: (erase: { subAppId: number; fileId: string; recipe: Recipe }) => Promise<number>;
  /** Why nothing can be erased from a file, as found by its estimate; null: no reason known. */
  unfitness?: ((file: { subAppId: number; fileId: string }) => Unfit | null) | undefined;
  /** Of submits, over all processes. */
  limiter: Pick<RateLimiter, 'acquire'>;
  /**
   * Opens a connection for one submit; null on a failure that the call itself will report. Throws a VodError when the vendor does
   * not answer.
   */
  connectForSubmit: () => Promise<SubmitConnection | null>;
  timings: ActivityTimings;
  /** Undefined: no watch; only polls find the end of a task. */
  watch?: WatchDependencies;
  /** Undefined: this worker runs no batch dispatcher. */
  feeder?: FeederParts;
}

/** The worker's part in dispatching batches. */
export interface FeederParts {
  runs: EraseRuns;
  timings: FeederTimings;
  /** Aborted when the worker shuts down: another worker continues. */
  stopping: AbortSignal;
}

/** The worker's part in the completion watch. */
export interface WatchDependencies {
  running: RunningWatches;
  timings: WatchTimings;
  /** Aborted when the worker shuts down: a round takes minutes, and may be cut short. */
  stopping: AbortSignal;
}

/** All in milliseconds. */
export interface ActivityTimings {
  /** How long after a submit its task can still be missing from the vendor's lists. */
  settleMs: number;
  /** After this long with every submit throttled and none accepted, the breaker opens. */
  throttledTooLongMs: number;
  /** From the submit to the first poll. */
  pollFirstMs: number;
  /** Longest time between two polls. */
  pollMaxMs: number;
}

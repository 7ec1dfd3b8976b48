import type { Client } from '@temporalio/client';
import type { WatchDependencies } from '../activities/dependencies.js';

/**
 * Starts missing completion watches, now and periodically: after a time without workers, or a termination. Ends with `stopping`.
 */
export function keepWatches({ running, stopping, timings }: WatchDependencies, client: Client): void {
  if (!running.enabled || stopping.aborted) return;
  const look = () => void running.ensureAllRunning(() => client);
  look();
  const timer = setInterval(look, timings.ensureEveryMs);
  timer.unref();
  stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
}

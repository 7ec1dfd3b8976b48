import type { Client } from '@temporalio/client';
import type { WatchDependencies } from '../activities/dependencies.js';

/**
 * Starts what watches are missing, now and every while: those of a backlog that waited while no worker ran, and one that
 * somebody terminated. Ends with `stopping`.
 */
export function keepWatches({ keeper, stopping, timings }: WatchDependencies, client: Client): void {
  if (!keeper.enabled || stopping.aborted) return;
  const look = () => void keeper.keepAll(() => client);
  look();
  const timer = setInterval(look, timings.keepEveryMs);
  timer.unref();
  stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
}

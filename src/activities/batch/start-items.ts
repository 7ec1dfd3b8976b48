import type { BatchFeedStore, ClaimedItem, ItemEnd, OpenItem } from '../../ledger/batches/batch-feed-store.js';
import type { EraseRuns } from '../../temporal/erase-runs.js';
import { forEach } from '../shared/for-each.js';
import { refusedEnd, requestOf, settleFinishedRuns } from './settle-finished-runs.js';

/** Concurrent starts: measured on two cores, more does not start faster. */
const STARTS_AT_ONCE = 32;

/**
 * Starts the runs of claimed items. Those not started by `untilMs`, or after an error, go back to pending; the first error is
 * thrown then.
 *
 * @returns how many were tried, and how many of those ended at once
 */
export async function startItems(
  parts: { feed: BatchFeedStore; runs: EraseRuns },
  batchId: string,
  items: readonly ClaimedItem[],
  untilMs?: number,
): Promise<{ tried: number; ended: number }> {
  const { feed, runs } = parts;
  const started: { number: number; runId: string }[] = [];
  const ended: OpenItem[] = [];
  const refused: ItemEnd[] = [];
  const tried = new Set<number>();
  try {
    await forEach(items, { atOnce: STARTS_AT_ONCE, untilMs }, async (item) => {
      tried.add(item.number);
      const outcome = await runs.start(requestOf(batchId, item.request));
      if (outcome.kind === 'runs') started.push({ number: item.number, runId: outcome.runId });
      else if (outcome.kind === 'ended') ended.push({ ...item, runId: outcome.runId, cancelAsked: false });
      else refused.push(refusedEnd(item.number, outcome.kind === 'conflict' ? 'conflict' : 'input', outcome.message));
    });
  } finally {
    await feed.confirm(batchId, started);
    await feed.settle(batchId, refused);
    // A failed start may have succeeded at the server: the item stays claimed, and its run is checked soon.
    await feed.releaseClaim(
      batchId,
      items.filter(({ number }) => !tried.has(number)),
    );
  }
  const harvested = await settleFinishedRuns(parts, batchId, ended);
  return { tried: tried.size, ended: harvested + refused.length };
}

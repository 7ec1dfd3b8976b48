import { BATCH_ITEM_STATES, type BatchCounts, type BatchSnapshot } from '../../contract/batch.js';
import type { Column } from '../output.js';
import { bar } from '../progress.js';
import { tolerance } from './control.js';

export function endedItems(counts: BatchCounts): number {
  return counts.total - counts.pending - counts.running - counts.held;
}

/** The nonzero counts as text. */
export function countsInWords(counts: BatchCounts): string {
  return BATCH_ITEM_STATES.filter((state) => counts[state] > 0)
    .map((state) => `${counts[state]} ${state}`)
    .join(', ');
}

export function stateInWords({ state, endedAs, waitingDetail }: BatchSnapshot): string {
  if (endedAs !== null) return `ended: ${endedAs}`;
  return waitingDetail === null ? state : `${state}: ${waitingDetail}`;
}

export function moneyInWords({ spentUsd, estimatedUsd, settings }: BatchSnapshot): string {
  const of = estimatedUsd === null ? '' : ` of ${estimatedUsd.toFixed(2)}`;
  const budget = settings.maxCostUsd === null ? '' : `, budget ${settings.maxCostUsd.toFixed(2)}`;
  return `${spentUsd.toFixed(2)}${of} USD by estimate${budget}`;
}

export function holdsInWords({ holds }: BatchSnapshot): string | null {
  const classes = Object.entries(holds).map(([name, count]) => `${count} for ${name}`);
  return classes.length === 0 ? null : classes.join(', ');
}

/** Lines for a terminal. */
export function snapshotLines(snapshot: BatchSnapshot): string[] {
  const { batchId, counts, etaAt, submitsPerSecond, window } = snapshot;
  const done = endedItems(counts);
  const lines = [
    `${batchId}  ${stateInWords(snapshot)}`,
    `${bar(done, counts.total)} ${done} of ${counts.total}  ${countsInWords(counts)}`,
    `${submitsPerSecond} submits/s  window ${window}  ${moneyInWords(snapshot)}`,
    etaAt === null ? `as of ${snapshot.asOf}` : `ends about ${etaAt}  (as of ${snapshot.asOf})`,
  ];
  const holds = holdsInWords(snapshot);
  if (holds !== null) lines.push(`held: ${holds}  (smart-erase list --phase held)`);
  if (snapshot.inReview > 0) lines.push(`in review: ${snapshot.inReview}  (smart-erase review list)`);
  if (snapshot.breaker !== null) lines.push(`breaker ${snapshot.breaker.scope} is ${snapshot.breaker.state}`);
  return lines;
}

export const SNAPSHOT_COLUMNS: readonly Column<BatchSnapshot>[] = [
  { heading: 'Batch', of: (row) => row.batchId },
  { heading: 'State', of: stateInWords },
  { heading: 'As of', of: (row) => row.asOf },
  { heading: 'Items', of: ({ counts }) => `${counts.total}: ${countsInWords(counts)}` },
  { heading: 'Submits/s', of: (row) => row.submitsPerSecond },
  { heading: 'Ended/s', of: (row) => row.endedPerSecond },
  { heading: 'Ends about', of: (row) => row.etaAt },
  { heading: 'Window', of: ({ window, settings }) => `${window} of ${settings.concurrency}` },
  { heading: 'Tolerates', of: ({ settings }) => tolerance(settings.tolerate) },
  { heading: 'Cost', of: moneyInWords },
  { heading: 'Held', of: holdsInWords },
  { heading: 'In review', of: ({ inReview }) => (inReview === 0 ? null : inReview) },
  {
    heading: 'Breaker',
    of: ({ breaker }) => breaker && `${breaker.scope} is ${breaker.state} (${breaker.code}): ${breaker.message}`,
  },
  { heading: 'Follows', of: (row) => row.parentBatchId },
  { heading: 'Created', of: (row) => row.createdAt },
  { heading: 'Ended', of: (row) => row.endedAt },
];

import type { Ledger } from '../ledger/ledger.js';
import type { WorkerMetrics } from './worker-metrics.js';

/** The same ledger; how late each task's end was noticed is told to the metrics when it is written down. */
export function watchedLedger(ledger: Ledger, metrics: WorkerMetrics): Ledger {
  const watched: Ledger = Object.create(ledger);
  watched.recordOutcome = async (taskId, outcome) => {
    await ledger.recordOutcome(taskId, outcome);
    const finishedMs = Date.parse(outcome.result?.finishedAt ?? '');
    if (!Number.isNaN(finishedMs)) metrics.noticed((Date.now() - finishedMs) / 1_000);
  };
  return watched;
}

import type { Ledger } from '../ledger/index.js';
import type { SubmissionStore } from '../ledger/submissions/submission-store.js';
import type { WorkerMetrics } from './worker-metrics.js';

/** The same ledger, which also measures the delay until the end of each task was noticed. */
export function instrumentLedger(ledger: Ledger, metrics: WorkerMetrics): Ledger {
  const submissions: SubmissionStore = Object.create(ledger.submissions);
  submissions.recordOutcome = async (taskId, outcome) => {
    await ledger.submissions.recordOutcome(taskId, outcome);
    const finishedMs = Date.parse(outcome.result?.finishedAt ?? '');
    if (!Number.isNaN(finishedMs)) metrics.noticed((Date.now() - finishedMs) / 1_000);
  };
  return { ...ledger, submissions };
}

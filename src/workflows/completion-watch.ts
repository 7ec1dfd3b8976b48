import {
  ActivityCancellationType,
  ActivityFailure,
  continueAsNew,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
} from '@temporalio/workflow';
import type { WatchReport } from '../activities/completion-watch/watch-completions.js';
import type { MainActivities } from '../activities/index.js';
import { ACTIVITY_ID } from '../contract/names.js';
import { BLANK_LAST_LINE, inTable } from '../contract/ui-markdown.js';
import { refuseUnfit } from './loose-input.js';

/** Rounds of one run: six events each, so that a history stays small enough to be read. */
const ROUNDS_A_RUN = 100;

const { watchCompletions } = proxyActivities<MainActivities>({
  activityId: ACTIVITY_ID.watchCompletions,
  // Covers a round of two minutes and the longest delay after a failed list; a list that catches up takes longer.
  startToCloseTimeout: '30m',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

export interface CompletionWatchInput {
  subAppId: number;
  /** Report of the previous run. */
  report?: WatchReport;
}

/**
 * The completion watch of one sub-application. Submits start it; it ends itself when nothing has waited for a while, and after a
 * termination it continues from the ledger.
 */
export async function completionWatch(input: CompletionWatchInput): Promise<WatchReport> {
  refuseUnfit(input, { subAppId: 'number' });
  const { subAppId, report: last } = input;
  let report = last ?? null;
  for (let round = 0; round < ROUNDS_A_RUN; round++) {
    setCurrentDetails(watchDetails(subAppId, report));
    try {
      report = await watchCompletions({ subAppId, before: report });
    } catch (error) {
      // The UI then shows the message instead of an activity failure.
      throw error instanceof ActivityFailure && !isCancellation(error) && error.cause ? error.cause : error;
    }
    if (report.over) {
      setCurrentDetails(watchDetails(subAppId, report));
      return report;
    }
  }
  return await continueAsNew<typeof completionWatch>({ subAppId, report: report ?? undefined });
}

function watchDetails(subAppId: number, report: WatchReport | null): string {
  if (report === null) return `Sub-application ${subAppId}: the first list is being read.${BLANK_LAST_LINE}`;
  const { goodAt, listedUntil, waiting, oldestAt, problem, failures, over } = report;
  const lines = [
    '| | |',
    '| --- | --- |',
    `| Sub-application | ${subAppId} |`,
    `| Last good list | ${goodAt ?? 'none yet'} |`,
    `| Listed until (the vendor's time) | ${listedUntil ?? 'nothing yet'} |`,
    `| Waiting tasks | ${waiting} |`,
    `| Oldest of them, submitted | ${oldestAt ?? ''} |`,
  ];
  if (over) lines.push('', 'Ended, since nothing waits. The next submit starts it again.');
  if (problem !== null) {
    const text = inTable(problem);
    lines.push('', failures === 0 ? text : `**The last ${failures} list(s) failed:** ${text}`);
    if (failures > 0) lines.push('', 'Until a list is good again, every erase looks for itself.');
  }
  return lines.join('\n') + BLANK_LAST_LINE;
}

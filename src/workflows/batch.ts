import {
  ActivityCancellationType,
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineUpdate,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { MainActivities } from '../activities/index.js';
import type { BatchSnapshot } from '../contract/batch.js';
import { decisionProblem } from '../contract/decision.js';
import { BATCH_UPDATE, namesOfQueue, QUERY } from '../contract/names.js';
import type { OperatorDecision } from '../contract/request.js';
import { LONGEST_MESSAGE, shortText } from '../contract/text.js';
import { batchDetails } from './batch-details.js';
import { refuseUnfit } from './loose-input.js';

/** Rounds of one run: six events each, so a run stays far below the server's warning at 4,096 events. */
const ROUNDS_A_RUN = 400;

const { feedBatch } = proxyActivities<MainActivities>({
  // A round takes five minutes at most, and may also wait for a slow ledger.
  startToCloseTimeout: '15m',
  // Time until a dispatcher that died is replaced.
  heartbeatTimeout: '10s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '4s' },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});
const { changeBatch } = proxyActivities<MainActivities>({
  startToCloseTimeout: '1m',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s' },
});

const statusQuery = defineQuery<BatchSnapshot | null>(QUERY.status);

export interface BatchInput {
  batchId: string;
  /** The state in which the previous run continued as new. */
  snapshot?: BatchSnapshot;
  /** Rounds after which a run continues as new; default 400. */
  roundsARun?: number;
}

/**
 * Runs the dispatcher round after round until every item has ended, and shows its progress. All state is in the ledger, so the
 * workflow may be started again at any time.
 */
export async function batch(input: BatchInput): Promise<BatchSnapshot> {
  refuseUnfit(input, { batchId: 'string' });
  const { batchId, snapshot: before, roundsARun = ROUNDS_A_RUN } = input;
  let snapshot = before ?? null;
  let cancelled = false;
  setHandler(statusQuery, () => snapshot);
  for (const action of Object.values(BATCH_UPDATE)) {
    setHandler(
      defineUpdate<string, [Omit<OperatorDecision, 'expect'>]>(action),
      ({ by, reason }) => changeBatch({ batchId, action, by, reason }),
      {
        validator: (decision) => {
          const problem = decisionProblem(decision, []);
          if (problem !== null) throw ApplicationFailure.nonRetryable(problem, 'input');
        },
      },
    );
  }
  const names = namesOfQueue(workflowInfo().taskQueue);
  const show = () => setCurrentDetails(batchDetails(batchId, snapshot, names));
  show();
  for (let round = 1; ; round += 1) {
    try {
      // A cancel also waits until the runs have ended.
      const feed = () => feedBatch({ batchId });
      snapshot = (await (cancelled ? CancellationScope.nonCancellable(feed) : feed())).snapshot;
    } catch (error) {
      if (!isCancellation(error) || cancelled) throw asFailure(error);
      cancelled = true;
      await CancellationScope.nonCancellable(() => cancelBatch(batchId));
      continue;
    }
    show();
    if (snapshot.state === 'ended') break;
    if (round >= roundsARun || workflowInfo().continueAsNewSuggested) {
      await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
      await continueAsNew<typeof batch>({ batchId, snapshot, roundsARun });
    }
  }
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  return snapshot;
}

/** A cancelled workflow cancels its batch, unless the batch has ended meanwhile. */
async function cancelBatch(batchId: string): Promise<void> {
  const reason = 'the workflow that feeds it was cancelled';
  await changeBatch({ batchId, action: 'cancel', by: 'Temporal', reason }).catch(() => undefined);
}

function asFailure(error: unknown): ApplicationFailure {
  const cause = error instanceof Error && error.cause instanceof ApplicationFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) return cause;
  const message = shortText(String(error), LONGEST_MESSAGE);
  return ApplicationFailure.create({ type: 'unexpected', message, nonRetryable: true });
}

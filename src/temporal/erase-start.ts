import type { WorkflowStartOptions } from '@temporalio/client';
import { eraseWorkflowId } from '../contract/identity.js';
import { MEMO, type Names } from '../contract/names.js';
import type { NormalizedEraseRequest } from '../contract/request.js';
import { detailsOf, summaryOf } from '../contract/start-texts.js';

/** The options of a start, as docs/contract.md promises them. */
export function startOptions(request: NormalizedEraseRequest, { prefix, queue }: Names): WorkflowStartOptions {
  return {
    workflowId: eraseWorkflowId(request, prefix),
    taskQueue: queue.main,
    args: [request],
    workflowIdConflictPolicy: 'USE_EXISTING',
    // A run that succeeded is the answer; one that failed may be tried again, and the ledger says whether that costs.
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    memo: { [MEMO.request]: request },
    staticSummary: summaryOf(request),
    staticDetails: detailsOf(request),
  };
}

import type { WorkflowStartOptions } from '@temporalio/client';
import { eraseWorkflowId } from '../contract/identity.js';
import { MEMO, type Names } from '../contract/names.js';
import type { NormalizedEraseRequest } from '../contract/request.js';
import { detailsOf, summaryOf } from '../contract/start-texts.js';

/** The start options as specified in docs/contract.md. */
export function startOptions(request: NormalizedEraseRequest, { prefix, queue }: Names): WorkflowStartOptions {
  return {
    workflowId: eraseWorkflowId(request, prefix),
    taskQueue: queue.main,
    args: [request],
    workflowIdConflictPolicy: 'USE_EXISTING',
    // A successful run is the result; a failed one may be retried, and the ledger decides whether that is paid.
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    memo: { [MEMO.request]: request },
    staticSummary: summaryOf(request),
    staticDetails: detailsOf(request),
  };
}

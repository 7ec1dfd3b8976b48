import type { Intent } from '../../src/ledger/submissions/submission.js';

/** The intent of a first submit of a file, by a run of its own; `fields` win. */
export function intentOf(
  fileId: string,
  { subAppId = 1, ...fields }: Partial<Intent> & { subAppId?: number } = {},
): Intent {
  return {
    identity: { subAppId, fileId, recipeHash: 'c'.repeat(32), payToken: '' },
    request: { fileId, subAppId, recipe: { name: 'subtitles' }, deadlineHours: 24 },
    workflowId: `erase/${fileId}`,
    runId: 'run-1',
    resubmitAfterTaskId: null,
    lookedFor: null,
    operatorRetryUpTo: null,
    settleMs: 0,
    costUsd: 0,
    ...fields,
  };
}

import type { SubmissionRecord } from '../../src/ledger/submissions/submission.js';

/** From when on the calls of these tests' records could leave. */
export const PLACE_AT = new Date('2026-03-01T12:00:00.000Z');

/** A submission as the ledger reads it; by default accepted by run `run-1` and still running. */
export function submissionRecord(fields: Partial<SubmissionRecord> & { number?: number } = {}): SubmissionRecord {
  const { number = 1, ...rest } = fields;
  const state = rest.state ?? 'accepted';
  return {
    key: { eraseId: '7', number },
    identity: { subAppId: 1500000001, fileId: '5285485487985271487', recipeHash: 'a'.repeat(32), payToken: '' },
    recipe: { name: 'subtitles' },
    state,
    intentAt: PLACE_AT,
    scheduledAt: PLACE_AT,
    scheduledAtHere: PLACE_AT,
    answeredAt: null,
    taskId: state === 'accepted' ? `1500000001-ProcessMediaByMPS-${number}` : null,
    requestId: null,
    saidDuplicate: false,
    adopted: false,
    error: null,
    namespace: 'default',
    workflowId: 'erase/1',
    runId: 'run-1',
    outcome: null,
    outcomeCode: null,
    outcomeMessage: null,
    resultFileId: null,
    result: null,
    resultGoneAt: null,
    rejected: null,
    ...rest,
  };
}

import type { Ledger } from '../../../ledger/index.js';
import type { TaskVerdict } from '../../../tencent-vod/task-verdict.js';
import type { TaskDetail } from '../../../tencent-vod/vod-api.js';

/** Records in the ledger how a task ended, with the verdict on it. Safe to repeat. */
export async function recordTaskOutcome(
  ledger: Ledger,
  taskId: string,
  verdict: Exclude<TaskVerdict, { kind: 'unfinished' }>,
  { finishTime, requestId }: Pick<TaskDetail, 'finishTime' | 'requestId'>,
): Promise<void> {
  if (verdict.kind === 'succeeded') {
    const { resultFileId, files } = verdict;
    const result = { files, finishedAt: finishTime, requestId };
    await ledger.submissions.recordOutcome(taskId, {
      outcome: 'succeeded',
      code: null,
      message: null,
      resultFileId,
      result,
    });
    return;
  }
  await ledger.submissions.recordOutcome(taskId, {
    outcome: verdict.class === 'aborted' ? 'aborted' : 'failed',
    code: verdict.code,
    message: verdict.message,
    resultFileId: null,
    result: null,
  });
}

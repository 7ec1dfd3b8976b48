import { ActivityNotFoundError, type Client } from '@temporalio/client';
import { ACTIVITY_ID } from '../../contract/names.js';
import type { Ledger } from '../../ledger/index.js';
import type { Waiter } from '../../ledger/watch/watch-store.js';
import type { AwaitTaskOutcome } from '../erase/await-task.js';

/** Concurrent completions: each is a call to the Temporal server. */
const AT_ONCE = 20;

export interface CompleteDependencies {
  ledger: Pick<Ledger, 'watch'>;
  client: Client;
  /** After how long a task whose waiting runs are all gone is read, in milliseconds. */
  unownedGraceMs: number;
}

/**
 * Completes the activities that wait for ended tasks, without the outcome. A run that is gone, or no longer waits, is not an
 * error.
 *
 * @throws any other error of the Temporal server; runs that were not notified stay registered
 */
export async function completeWaitingActivities(deps: CompleteDependencies, waiters: readonly Waiter[]): Promise<void> {
  const failures: unknown[] = [];
  for (let at = 0; at < waiters.length; at += AT_ONCE) {
    failures.push(...(await tellSome(deps, waiters.slice(at, at + AT_ONCE))));
  }
  if (failures.length > 0) throw failures[0];
}

/** Returns the errors; one failure does not stop the others. */
async function tellSome(
  { ledger, client, unownedGraceMs }: CompleteDependencies,
  waiters: Waiter[],
): Promise<unknown[]> {
  const answers = await Promise.allSettled(waiters.map((waiter) => endWait(client, waiter)));
  await ledger.watch.removeWaiters(waiters.filter((_, at) => answers[at]?.status === 'fulfilled'));
  const heard = new Set(told(waiters, answers, 'told'));
  const gone = told(waiters, answers, 'gone').filter((taskId) => !heard.has(taskId));
  await ledger.watch.lookAgain(gone, unownedGraceMs, { sooner: true });
  return answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
}

function told(waiters: Waiter[], answers: PromiseSettledResult<'told' | 'gone'>[], how: 'told' | 'gone'): string[] {
  return waiters.flatMap(({ taskId }, at) => {
    const answer = answers[at];
    return answer?.status === 'fulfilled' && answer.value === how ? [taskId] : [];
  });
}

async function endWait(client: Client, { workflowId, runId }: Waiter): Promise<'told' | 'gone'> {
  const outcome: AwaitTaskOutcome = { kind: 'ended' };
  try {
    await client.activity.complete({ workflowId, runId, activityId: ACTIVITY_ID.awaitTask }, outcome);
    return 'told';
  } catch (error) {
    if (error instanceof ActivityNotFoundError) return 'gone';
    throw error;
  }
}

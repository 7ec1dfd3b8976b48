import { Context } from '@temporalio/activity';

/** Between two heartbeats, in milliseconds. A worker that died is noticed after the activity's heartbeat timeout. */
const HEARTBEAT_EVERY_MS = 5_000;

/** An activity that tells the server, while it runs, that its worker lives: after a kill it is repeated within seconds. */
export function heartbeating<Args extends unknown[], R>(
  activity: (...args: Args) => Promise<R>,
): (...args: Args) => Promise<R> {
  return (...args) => withHeartbeat(() => activity(...args));
}

/** Runs `work` while telling the server that this worker lives; it is also how a cancel request arrives. */
async function withHeartbeat<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), HEARTBEAT_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

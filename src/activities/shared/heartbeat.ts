import { Context } from '@temporalio/activity';

/** Between two heartbeats, in milliseconds. A worker that died is noticed after the activity's heartbeat timeout. */
const HEARTBEAT_EVERY_MS = 5_000;

/** An activity that tells the server, while it runs, that its worker lives: after a kill it is repeated within seconds. */
export function heartbeating<Args extends unknown[], R>(
  activity: (...args: Args) => Promise<R>,
): (...args: Args) => Promise<R> {
  return (...args) => withHeartbeat(() => activity(...args));
}

/** What each attempt wants the next one to know: a heartbeat without it would make the server forget it. */
const REMEMBERED = new WeakMap<Context, unknown>();

/** Sends `details` to the server at once: the next attempt finds them in its `heartbeatDetails`, on whatever worker. */
export function rememberForNextAttempt(details: unknown): void {
  const context = Context.current();
  REMEMBERED.set(context, details);
  context.heartbeat(details);
}

/** Runs `work` while telling the server that this worker lives; it is also how a cancel request arrives. */
async function withHeartbeat<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const timer = setInterval(
    () => context.heartbeat(REMEMBERED.get(context) ?? context.info.heartbeatDetails),
    HEARTBEAT_EVERY_MS,
  );
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

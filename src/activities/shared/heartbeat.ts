import { Context } from '@temporalio/activity';

/** Between two heartbeats, in milliseconds. A worker that died is noticed after the activity's heartbeat timeout. */
const HEARTBEAT_EVERY_MS = 5_000;

/** Heartbeats of an activity while it runs: after a kill it is repeated within seconds. */
export function heartbeating<Args extends unknown[], R>(
  activity: (...args: Args) => Promise<R>,
): (...args: Args) => Promise<R> {
  return (...args) => withHeartbeat(() => activity(...args));
}

/** Details for the next attempt: a heartbeat without them would erase them. */
const REMEMBERED = new WeakMap<Context, unknown>();

/** Sends `details` to the server at once: the next attempt finds them in its `heartbeatDetails`, on any worker. */
export function rememberForNextAttempt(details: unknown): void {
  const context = Context.current();
  REMEMBERED.set(context, details);
  context.heartbeat(details);
}

/** Runs `work` with heartbeats, which also deliver cancel requests. */
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

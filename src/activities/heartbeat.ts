import { Context } from '@temporalio/activity';

/** Between two heartbeats, in milliseconds. A worker that died is noticed after the activity's heartbeat timeout. */
const HEARTBEAT_EVERY_MS = 5_000;

/** Runs `work` while telling the server that this worker lives; it is also how a cancel request arrives. */
export async function withHeartbeat<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), HEARTBEAT_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

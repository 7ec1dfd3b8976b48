import { Context } from '@temporalio/activity';
import { busyDelayMs } from '../../../contract/error-classes.js';
import type { VodError } from '../../../tencent-vod/vod-error.js';
import { rememberForNextAttempt } from '../../shared/heartbeat.js';

/** Whether the vendor itself said that the file has to wait. Without an answer of it, the network is what has to be waited for. */
export function isBusyFile(error: VodError): boolean {
  return error.class === 'retry' && error.requestId !== null;
}

/**
 * After how many milliseconds a busy file is sent again. Only answers that call it busy count: an attempt that failed for something else
 * says nothing of the file. Temporal keeps the number for the next attempt.
 */
export function busyAgainMs(): number {
  const { busyTimes = 0 } = (Context.current().info.heartbeatDetails ?? {}) as { busyTimes?: number };
  rememberForNextAttempt({ busyTimes: busyTimes + 1 });
  return busyDelayMs(busyTimes + 1);
}

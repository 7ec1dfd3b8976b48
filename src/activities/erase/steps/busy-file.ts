import { Context } from '@temporalio/activity';
import { busyDelayMs } from '../../../contract/error-classes.js';
import type { VodError } from '../../../tencent-vod/vod-error.js';
import { rememberForNextAttempt } from '../../shared/heartbeat.js';

/** Whether the vendor itself reported the file as busy. Without an answer, the cause is the network. */
export function isBusyFile(error: VodError): boolean {
  return error.class === 'retry' && error.requestId !== null;
}

/**
 * After how many milliseconds a busy file is sent again. Only answers that call it busy count; Temporal keeps the number for the
 * next attempt.
 */
export function busyAgainMs(): number {
  const { busyTimes = 0 } = (Context.current().info.heartbeatDetails ?? {}) as { busyTimes?: number };
  rememberForNextAttempt({ busyTimes: busyTimes + 1 });
  return busyDelayMs(busyTimes + 1);
}

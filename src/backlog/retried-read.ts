import { setTimeout as sleep } from 'node:timers/promises';
import { NOT_FOUND_CODE } from '../contract/vendor-limits.js';
import { VodError } from '../tencent-vod/vod-error.js';

/** A call that could not be made, or was not answered, is made again after so many milliseconds, then given up. */
const RETRY_AFTER_MS = [500, 1_000, 2_000, 4_000, 8_000];
/** What the vendor says of the request or of the account, it says again. */
const FINAL: ReadonlySet<string> = new Set(['input', 'account']);

/**
 * Makes a read of the vendor again while it is throttled or not answered: one of ten thousand must not end the work of an hour.
 * @throws VodError when the vendor refuses, or goes on not answering
 */
export async function retriedRead<T>(read: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (const delayMs of RETRY_AFTER_MS) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof VodError) || FINAL.has(error.class) || error.code === NOT_FOUND_CODE) throw error;
      await sleep(delayMs, undefined, { signal });
    }
  }
  return await read();
}

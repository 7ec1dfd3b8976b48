import { setTimeout as sleep } from 'node:timers/promises';
import { NOT_FOUND_CODE } from '../contract/vendor-limits.js';
import { VodError } from '../tencent-vod/vod-error.js';

/** Delays of the retries of a read that was throttled or not answered, in milliseconds. */
const RETRY_AFTER_MS = [500, 1_000, 2_000, 4_000, 8_000];
/** The vendor repeats a refusal of the request or the account. */
const FINAL: ReadonlySet<string> = new Set(['input', 'account']);

/**
 * Retries a vendor read that was throttled or not answered: one of ten thousand must not end an hour's work.
 * @throws VodError when the vendor refuses, or stays unavailable
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

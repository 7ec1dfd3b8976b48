import { setTimeout as delay } from 'node:timers/promises';

export interface Waiting {
  timeoutMs: number;
  /** Interval of the checks; default 50 ms. */
  everyMs?: number;
}

/** Polls `look` until it returns a value; undefined after `timeoutMs`. Errors of `look` are rethrown. */
export async function waitUntil<T>(
  look: () => Promise<T | undefined> | T | undefined,
  { timeoutMs, everyMs = 50 }: Waiting,
): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() >= deadline) return undefined;
    await delay(everyMs);
  }
}

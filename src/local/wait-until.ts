import { setTimeout as delay } from 'node:timers/promises';

export interface Waiting {
  timeoutMs: number;
  /** Between two looks; default 50. */
  everyMs?: number;
}

/** Looks until `look` gives something, at most for `timeoutMs`; then gives undefined. What `look` throws comes through. */
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

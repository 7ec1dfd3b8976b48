import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats what a server that was just killed refuses, for at most 30 s. */
export async function withPatience<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(300);
    }
  }
}

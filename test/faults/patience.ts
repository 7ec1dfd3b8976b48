import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats what a server that was just killed refuses, for at most 30 s. An error of the class `final` is thrown at once. */
export async function withPatience<T>(work: () => Promise<T>, final?: new (...args: never[]) => Error): Promise<T> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > deadline || (final !== undefined && error instanceof final)) throw error;
      await sleep(300);
    }
  }
}

export interface ForEachOptions {
  atOnce: number;
  /** When no further item is begun, by `performance.now()`; the first ones are begun in any case. Default: never. */
  untilMs?: number;
}

/**
 * Processes all items with limited concurrency. After the first error, or at the deadline, no further item is begun; the error is
 * thrown when those in progress have ended.
 */
export async function forEach<T>(
  items: Iterable<T>,
  { atOnce, untilMs = Number.POSITIVE_INFINITY }: ForEachOptions,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let failed: { error: unknown } | undefined;
  const next = async (): Promise<void> => {
    for (let first = true; failed === undefined && (first || performance.now() < untilMs); first = false) {
      const { value, done } = iterator.next();
      if (done) return;
      try {
        await work(value);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  if (failed !== undefined) throw failed.error;
}

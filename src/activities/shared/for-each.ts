export interface ForEachOptions {
  atOnce: number;
  /** When nothing more is begun, by `performance.now()`; the first ones are begun all the same. Default: never. */
  untilMs?: number;
}

/**
 * Works on all, some at once. After the first error, or when the time is over, nothing more is begun; the error is thrown when
 * those under way have ended.
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

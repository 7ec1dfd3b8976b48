import type { Breaker } from '../../../ledger/holds/breaker.js';
import type { BreakerStore } from '../../../ledger/holds/breaker-store.js';

/** The last check before a paid call, made some time before the call is sent. */
export interface LastCheck<S> {
  /** What forbids the call by now; null allows it. */
  check(): Promise<S | null>;
  /** The answer may be outdated: check again. */
  isStale(): boolean;
}

/**
 * The breakers as one process knows them. A refusal that this process has read stops its other submits at once, before the
 * breaker is written.
 */
export class BreakerChecks {
  #openings = 0;
  readonly #beingWritten = new Set<Promise<unknown>>();

  constructor(private readonly breakers: Pick<BreakerStore, 'findOpen'>) {}

  /** Call it in the event loop turn in which the refusal is read. Settles as `write` does. */
  async opening<T>(write: Promise<T>): Promise<T> {
    this.#openings += 1;
    this.#beingWritten.add(write);
    try {
      return await write;
    } finally {
      this.#beingWritten.delete(write);
    }
  }

  /** For one submit. */
  lastLook(subAppId: number): LastCheck<Breaker> {
    let seen = -1;
    return {
      check: async () => {
        await Promise.allSettled(this.#beingWritten);
        seen = this.#openings;
        return await this.breakers.findOpen(subAppId);
      },
      isStale: () => seen !== this.#openings,
    };
  }
}

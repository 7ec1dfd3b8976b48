import { setTimeout as sleep } from 'node:timers/promises';
import { PLACE_TOLERANCE_MS } from '../ledger/pace.js';

/** Between two looks, in milliseconds. */
const EVERY_MS = 5;
/** So long without a look that is later than a place may be used, in milliseconds: the process is calm. Ours: four places. */
const CALM_FOR_MS = 200;
/** It is waited for no longer than this, in milliseconds: on a machine whose cores stay full no process is ever calm. */
const MOST_MS = 2_000;
/** After so long without a submit, in milliseconds, the next one comes to a process that may be cold. */
const IDLE_MS = 10_000;

/**
 * A process that begins, or to which work comes in a burst, is busy with itself: code that never ran, connections to the ledger that
 * are not there yet, hundreds of first workflow tasks. Places that it takes then it misses, and they are lost to every process.
 * So before it asks for its first place, and for the first after ten seconds without a submit, it waits until its event loop keeps its
 * times.
 */
export class CalmStart {
  #warmMs = Number.NEGATIVE_INFINITY;
  #calm: Promise<void> | undefined;

  /** @param clock in milliseconds, of one that only goes forward */
  constructor(private readonly clock: { now(): number; pause(ms: number): Promise<void> } = CLOCK) {}

  /** Resolves at once while submits go on and for ten seconds after it last did; within two seconds otherwise. */
  async ready(): Promise<void> {
    if (this.clock.now() - this.#warmMs < IDLE_MS) return;
    this.#calm ??= this.#untilCalm().finally(() => {
      this.#calm = undefined;
    });
    await this.#calm;
  }

  /** The ledger has said what becomes of a submit. */
  submitted(): void {
    this.#warmMs = this.clock.now();
  }

  async #untilCalm(): Promise<void> {
    const fromMs = this.clock.now();
    let [calmSinceMs, lookedMs] = [fromMs, fromMs];
    while (lookedMs - calmSinceMs < CALM_FOR_MS && lookedMs - fromMs < MOST_MS) {
      await this.clock.pause(EVERY_MS);
      const nowMs = this.clock.now();
      if (nowMs - lookedMs - EVERY_MS > PLACE_TOLERANCE_MS) calmSinceMs = nowMs;
      lookedMs = nowMs;
    }
    this.#warmMs = lookedMs;
  }
}

const CLOCK = {
  now: () => performance.now(),
  pause: async (ms: number) => {
    await sleep(ms);
  },
};

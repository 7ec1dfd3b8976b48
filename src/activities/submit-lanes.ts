import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/common';
import type { Ledger } from '../ledger/ledger.js';
import type { Lane } from '../ledger/pace.js';
import { CalmStart } from './calm-start.js';
import { notYet } from './failures.js';

/** Submits of a lane that ask for a place at once, in one process: enough for the full rate while an intent takes 400 ms. */
const ASKING_AT_ONCE = 8;
/** Submits that wait behind those and make themselves ready: enough for the full rate while that takes more than a second. */
const PREPARING_AT_ONCE = 24;
/** Longest time between two questions, in milliseconds: the pace may have been let go meanwhile. */
const ASK_AGAIN_MS = 1_000;
/**
 * Several processes wait for the same moment: each asks up to this much later, in milliseconds. Far below the lanes' horizons, so
 * that no place goes unasked; with 15 four processes wrote five intents for four places.
 */
const APART_MS: Record<Lane, number> = { live: 45, batch: 60 };
/** A submit that has waited this long gives its slot back, in milliseconds; well within the time that an attempt has. */
const PATIENCE_MS = 90_000;

interface Line {
  waiting: { enter: () => void; prepare: () => Promise<void> }[];
  /** Who asks, the longest there first. */
  asking: symbol[];
}

/**
 * Where submits wait for their lane: in the process, first come first served, and not in the pace, where a place once
 * given cannot be taken back for somebody who comes later and is in more of a hurry.
 */
export class SubmitLanes {
  readonly #lines: Record<Lane, Line> = {
    live: { waiting: [], asking: [] },
    batch: { waiting: [], asking: [] },
  };

  /** @param placeEveryMs time between two places at full rate, in milliseconds */
  constructor(
    private readonly ledger: Pick<Ledger, 'laneOpensInMs'>,
    private readonly placeEveryMs: number,
    private readonly calm: Pick<CalmStart, 'ready' | 'submitted'> = new CalmStart(),
  ) {}

  /**
   * Calls `begin` when the lane has a place near, and again when somebody else was faster. `prepare` is called before that, more
   * than once: it makes ready what a submit needs at its place, or does nothing when it is.
   *
   * @throws CancelledFailure when `cancel` fires first; a benign ApplicationFailure after 90 s; what `prepare` throws
   */
  async take<T extends { kind: string }>(
    lane: Lane,
    cancel: AbortSignal,
    begin: () => Promise<T>,
    prepare: () => Promise<void> = async () => {},
  ): Promise<Exclude<T, { kind: 'notYet' }>> {
    const untilMs = performance.now() + PATIENCE_MS;
    const me = Symbol(lane);
    await this.#enter(lane, me, cancel, prepare);
    try {
      for (;;) {
        if (cancel.aborted) throw cancelled();
        await prepare();
        await this.calm.ready();
        if (cancel.aborted) throw cancelled();
        const firstOpensInMs = await this.ledger.laneOpensInMs(lane);
        // Those before me in here take the places before mine. Who asks for one that is theirs writes an intent in vain.
        const opensInMs = firstOpensInMs + this.#lines[lane].asking.indexOf(me) * this.placeEveryMs;
        if (opensInMs <= 0) {
          const begun = await begin();
          if (begun.kind !== 'notYet') {
            this.calm.submitted();
            return begun as Exclude<T, { kind: 'notYet' }>;
          }
        }
        if (performance.now() > untilMs) throw notYet('Other submits go first; this one waits for its turn.', 1);
        const waitMs = Math.min(Math.max(opensInMs, 0), ASK_AGAIN_MS) + 1 + Math.random() * APART_MS[lane];
        // Only the signal ends the sleep early; the loop says so.
        await sleep(waitMs, undefined, { signal: cancel }).catch(() => undefined);
      }
    } finally {
      this.#leave(lane, me);
    }
  }

  async #enter(lane: Lane, me: symbol, cancel: AbortSignal, prepare: () => Promise<void>): Promise<void> {
    if (cancel.aborted) throw cancelled();
    const line = this.#lines[lane];
    if (line.asking.length < ASKING_AT_ONCE) {
      line.asking.push(me);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        cancel.removeEventListener('abort', giveUp);
        line.asking.push(me);
        resolve();
      };
      const giveUp = () => {
        line.waiting.splice(
          line.waiting.findIndex((each) => each.enter === enter),
          1,
        );
        reject(cancelled());
      };
      cancel.addEventListener('abort', giveUp, { once: true });
      line.waiting.push({ enter, prepare });
      makeReady(line);
    });
  }

  /** The one who waits longest asks next. */
  #leave(lane: Lane, me: symbol): void {
    const line = this.#lines[lane];
    line.asking.splice(line.asking.indexOf(me), 1);
    line.waiting.shift()?.enter();
    makeReady(line);
  }
}

/** The next of those that wait; what goes wrong is said to each when its turn comes. */
function makeReady({ waiting }: Line): void {
  for (const { prepare } of waiting.slice(0, PREPARING_AT_ONCE)) prepare().catch(() => undefined);
}

function cancelled(): CancelledFailure {
  return new CancelledFailure('Cancelled before the submit was sent.');
}

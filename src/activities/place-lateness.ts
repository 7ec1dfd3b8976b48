import { PLACE_TOLERANCE_MS } from '../ledger/pace.js';
import { Recent } from './recent.js';

/** Places that are remembered. Ours: five seconds of the full rate, of one process. */
const KEPT_PLACES = 100;
/** For how long, in milliseconds: what its start did to a process is over by then. */
const KEPT_MS = 15_000;
/** With fewer, one late place would tell too much. */
const ENOUGH_PLACES = 20;
/** What it may wish for, in milliseconds. Beyond that, nobody else should wait for it: all processes go slower by it. */
const CHOICES_MS = [PLACE_TOLERANCE_MS, 30, 40, 50, 60, 80];
/** What is left of a place that is late by up to so much more, in milliseconds: the places after it are moved then, by part of one. */
const SLIGHTLY_LATE_MS = 30;
const LEFT_WHEN_SLIGHTLY_LATE = 0.6;
/** Gain, as a part of the rate, for which it asks nobody to go slower: the slack stands for a while after the trouble has passed. */
const NOT_WORTH_IT = 0.01;
/** The window in which the vendor counts, in milliseconds. */
const SECOND_MS = 1_000;

/**
 * How late this process is at its places: a machine that is full gives it a core some ten milliseconds after it is due, again
 * and again. A place that is missed is lost to everybody; to be allowed to leave later costs slack, which is
 * that part of a second, for every process. It wishes for what loses least of all their places, and for no more than that is worth.
 */
export class PlaceLateness {
  readonly #lateMs: Recent;

  /** @param placesPerSecond of all processes together */
  constructor(
    private readonly placesPerSecond: number,
    now?: () => number,
  ) {
    this.#lateMs = new Recent({ count: KEPT_PLACES, ageMs: KEPT_MS }, now);
  }

  /** @param lateMs how long after its place the process was ready to call, or dropped it */
  note(lateMs: number): void {
    this.#lateMs.note(lateMs);
  }

  /** In milliseconds. */
  wishedToleranceMs(): number {
    const places = this.#lateMs.values();
    if (places.length < ENOUGH_PLACES) return PLACE_TOLERANCE_MS;
    const share = this.#share(places.length);
    const within = (mostMs: number) => places.filter((lateMs) => lateMs <= mostMs).length;
    const rates = CHOICES_MS.map((choiceMs) => {
      const inTime = within(choiceMs);
      const slightlyLate = within(choiceMs + SLIGHTLY_LATE_MS) - inTime;
      const used = (inTime + LEFT_WHEN_SLIGHTLY_LATE * slightlyLate) / places.length;
      return (share * used + (1 - share)) / (SECOND_MS + choiceMs);
    });
    const least = Math.max(...rates) * (1 - NOT_WORTH_IT);
    return CHOICES_MS[rates.findIndex((rate) => rate >= least)] ?? PLACE_TOLERANCE_MS;
  }

  /** The part of all places that were this process's; the others keep theirs, and pay for its wishes. */
  #share(count: number): number {
    const allPlaces = (this.#lateMs.spanMs() / SECOND_MS) * this.placesPerSecond;
    return allPlaces <= count ? 1 : count / allPlaces;
  }
}

import { PLACE_TOLERANCE_MS } from '../ledger/pace.js';

/** Places that are remembered. Ours: five seconds of the full rate, of one process. */
const KEPT_PLACES = 100;
/** For how long, in milliseconds. */
const KEPT_MS = 60_000;
/** With fewer, one late place would tell too much. */
const ENOUGH_PLACES = 20;
/** What it may wish for, in milliseconds. Beyond that, nobody else should wait for it: all processes go slower by it. */
const CHOICES_MS = [PLACE_TOLERANCE_MS, 30, 40, 50, 60, 80];
/** What is left of a place that is late by up to so much more, in milliseconds: the places after it are moved then, by part of one. */
const SLIGHTLY_LATE_MS = 30;
const LEFT_WHEN_SLIGHTLY_LATE = 0.6;
/** The window in which the vendor counts, in milliseconds. */
const SECOND_MS = 1_000;

/**
 * How late this process is at its places: a machine that is full gives it a core some ten milliseconds after it is due, again
 * and again. A place that is missed is lost to everybody; to be allowed to leave later costs slack, which is
 * that part of a second. It wishes for what loses least.
 */
export class PlaceLateness {
  #places: { atMs: number; lateMs: number }[] = [];

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** @param lateMs how long after its place the process was ready to call, or dropped it */
  note(lateMs: number): void {
    this.#places.push({ atMs: this.now(), lateMs });
    if (this.#places.length > KEPT_PLACES) this.#places.shift();
  }

  /** In milliseconds. */
  wishedToleranceMs(): number {
    const since = this.now() - KEPT_MS;
    this.#places = this.#places.filter(({ atMs }) => atMs > since);
    if (this.#places.length < ENOUGH_PLACES) return PLACE_TOLERANCE_MS;
    const rates = CHOICES_MS.map((choiceMs) => {
      const inTime = this.#count(choiceMs);
      const slightlyLate = this.#count(choiceMs + SLIGHTLY_LATE_MS) - inTime;
      return (inTime + LEFT_WHEN_SLIGHTLY_LATE * slightlyLate) / (SECOND_MS + choiceMs);
    });
    return CHOICES_MS[rates.indexOf(Math.max(...rates))] ?? PLACE_TOLERANCE_MS;
  }

  #count(mostMs: number): number {
    return this.#places.filter(({ lateMs }) => lateMs <= mostMs).length;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultSpec } from '../../src/simulator/index.js';
import type { House, HouseOptions } from './house.js';
import { MISBEHAVIOURS, type Strike } from './matrix.js';
import { randomFrom } from './random.js';
import { strike } from './strikes.js';
import { TrackedErase } from './tracked-erase.js';

export interface SoakOptions {
  seed: number;
  minutes: number;
}

/** As in production, the completion watch notices; and it is struck like everything else. */
export const SOAK_HOUSE: HouseOptions = {
  ownTemporal: true,
  env: { SMART_ERASE_WATCH: 'on', VOD_WATCH_INTERVAL_SECONDS: '0.5' },
};

/** One erase in this many is cancelled, reset or restarted. */
const RUN_STRIKE_ONE_IN = 8;
/** Between two starts, and between two strikes on everything. */
const START_EVERY_MS = 350;
const STRIKE_EVERY_MS = 12_000;
/**
 * Latest listing of a task, in milliseconds. The slowest call of {@link MISBEHAVIOURS} makes its task after 3.5 s, and a task that is
 * listed after the settle time of 8 s is beyond the promise.
 */
const LISTED_LATE_MS = 4_000;
/** Rounds of settling, dead workers that are noticed after 30 s each, and a queue. */
const END_WITHIN_MS = 300_000;
const FOR_ALL: readonly Strike[] = [
  'worker-kill',
  'worker-stop',
  'temporal-kill',
  'ledger-cut',
  'ledger-down',
  'ledger-silent',
  'ledger-stall',
];
const FOR_ONE: readonly Strike[] = ['cancel', 'reset', 'restart'];

/** Erases with random faults of the vendor, while random strikes hit the processes. The same seed plans the same. */
export async function runSoak(house: House, { seed, minutes }: SoakOptions): Promise<readonly TrackedErase[]> {
  const random = randomFrom(seed);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const erases: TrackedErase[] = [];
  const untilMs = performance.now() + minutes * 60_000;
  const misbehaviours = Object.values(MISBEHAVIOURS);

  const strikes = (async () => {
    while (performance.now() < untilMs) {
      await sleep(STRIKE_EVERY_MS * (0.5 + random()));
      const undo = await strike(house, pick(FOR_ALL), []);
      await undo();
    }
  })();
  const beside: Promise<void>[] = [];
  while (performance.now() < untilMs) {
    const faults: Omit<FaultSpec, 'fileId'>[] = [];
    // At most two in a row: with three the outcome cannot be known, and the run would rightly be held.
    for (let left = Math.floor(random() * 3); left > 0; left -= 1) faults.push(pick(misbehaviours));
    if (random() < 0.3)
      faults.push({ action: 'ProcessMediaByMPS', kind: 'late-listing', ms: Math.floor(random() * LISTED_LATE_MS) });
    const besides = random() * RUN_STRIKE_ONE_IN < 1 ? pick(FOR_ONE) : undefined;
    const afterMs = random() * 8_000;
    const request = await house.request();
    await house.fault(request.fileId, ...faults);
    house.faults += faults.length;
    const erase = new TrackedErase(house, 'soak', request, 'truth');
    erase.deed(`faults: ${JSON.stringify(faults)}`);
    erases.push(erase);
    await erase.start();
    if (besides !== undefined) beside.push(sleep(afterMs).then(() => strikeOne(house, besides, erase)));
    await sleep(START_EVERY_MS);
  }
  await Promise.all([strikes, ...beside]);
  await house.heal();
  const deadlineMs = performance.now() + END_WITHIN_MS;
  await Promise.all(erases.map((erase) => erase.waitForEnd(deadlineMs)));
  return erases;
}

/** A run that has ended cannot be cancelled or terminated; it is then left as it is. */
async function strikeOne(house: House, what: Strike, erase: TrackedErase): Promise<void> {
  try {
    await strike(house, what, [erase], { thaw: false });
  } catch (error) {
    erase.deed(`${what} was not possible: ${String(error)}`);
  }
}

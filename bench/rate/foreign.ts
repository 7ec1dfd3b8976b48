import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type OwnedProcess, startProcess } from '../../src/local/owned-process.js';
import { COLLEAGUE } from '../../test/faults/house.js';
import { SECRET_ID, SECRET_KEY } from '../../test/support/simulator.js';
import {
  BURST_MS,
  countWithin,
  LIMIT_PER_SECOND,
  mostInASecond,
  mostWithin,
  paymentsOf,
  secondsUntilRate,
  submitsAmong,
} from '../measure/door.js';
import { rounded } from '../measure/numbers.js';
import type { Row } from '../report.js';
import type { BenchContext, Scenario } from '../scenario.js';
import { World } from '../world.js';
import { FULL, hardPromises, LONG_TASK_MS } from './run.js';

/** Calls a second of the other program. */
const FOREIGN_PER_SECOND = 8;
const NAME = 'foreign client';
/** Until our rate has found the room that is left, in seconds: not counted. */
const SETTLE_S = { full: 30, short: 10 };
const MEASURED_S = { full: 300, short: 15 };
/** How long the measurement continues after it has stopped, in seconds. */
const AFTER_S = { full: 90, short: 15 };
const BACK_WITHIN_S = 60;
/** Of our calls. */
const MOST_REFUSED = 0.01;
/** Of the room that the foreign client does not use. */
const LEAST_SHARE = 0.95;

/** Another program on the same account calls evenly and without retries; ours has to find the room that is left. */
export const foreignScenario: Scenario = {
  group: 'rate',
  name: NAME,
  about: `another program makes ${FOREIGN_PER_SECOND} calls a second on the same account, then leaves`,
  longOnly: true,
  run: async (context) => [await runForeign(context)],
};

async function runForeign({ servers, options, say }: BenchContext): Promise<Row> {
  const length = options.short ? 'short' : 'full';
  const [settleMs, measuredMs, afterMs] = [SETTLE_S, MEASURED_S, AFTER_S].map((each) => each[length] * 1_000) as [
    number,
    number,
    number,
  ];
  const world = await World.start(servers, {
    name: NAME,
    simulator: {
      taskDurationMs: LONG_TASK_MS,
      credentials: [{ secretId: SECRET_ID, secretKey: SECRET_KEY }, COLLEAGUE],
    },
  });
  let foreign: OwnedProcess | undefined;
  try {
    const left = LIMIT_PER_SECOND - FOREIGN_PER_SECOND;
    // More than can be submitted during the measurement, so that the queue is never empty.
    const count = Math.ceil(((settleMs + measuredMs) * left + (afterMs + 10_000) * LIMIT_PER_SECOND) / 1_000);
    const fileIds = await world.addFiles(count);
    await world.startErases(fileIds);
    say(`${count} erases are queued`);
    foreign = await startForeign(world);
    // They go slower together, or the two would find less room than one.
    await Promise.all([world.startWorker(), world.startWorker()]);
    await world.untilAccepted(FOREIGN_PER_SECOND * 2, 60_000);
    const fromMs = Date.now() + settleMs;
    await delay(settleMs + measuredMs);
    await foreign.stop({ signal: 'SIGKILL' });
    const leftAtMs = Date.now();
    await delay(afterMs);

    const all = await world.simulator.admin.callDetails();
    const ours = all.filter(({ secretId }) => secretId === SECRET_ID);
    const theirs = submitsAmong(all.filter(({ secretId }) => secretId === COLLEAGUE.secretId));
    const { accepted, refused } = submitsAmong(ours);
    const toMs = fromMs + measuredMs;
    const [good, bad] = [countWithin(accepted, fromMs, toMs), countWithin(refused, fromMs, toMs)];
    const perSecond = good / (measuredMs / 1_000);
    const refusedShare = bad / Math.max(1, good + bad);
    const back = secondsUntilRate(accepted, leftAtMs, FULL * LIMIT_PER_SECOND);
    const figures = {
      workers: 2,
      erases: accepted.length,
      'submits/s': rounded(perSecond),
      'most in 1 s': mostInASecond(submitsAmong(all).accepted),
      'offered in 1 s': mostInASecond(submitsAmong(all).offered),
      'most in 100 ms': mostWithin(submitsAmong(all).offered, BURST_MS),
      refusals: bad,
      duplicates: paymentsOf(ours, fileIds).duplicates,
      lost: 0,
      'full again after s': rounded(back, 1) ?? 'never',
      'refused of ours %': rounded(refusedShare * 100),
      'theirs/s': rounded(countWithin(theirs.accepted, fromMs, toMs) / (measuredMs / 1_000)),
      'theirs refused': countWithin(theirs.refused, fromMs, toMs),
    };
    const least = LEAST_SHARE * left;
    return {
      group: 'rate',
      name: NAME,
      figures,
      // Foreign calls take our room now and then: few refusals are a goal here, not a promise.
      promises: hardPromises({ ...figures, refusals: 0 }),
      goals: [
        {
          what: `at most ${MOST_REFUSED * 100}% of our calls refused (${rounded(refusedShare * 100)}%)`,
          kept: refusedShare <= MOST_REFUSED,
        },
        { what: `at least ${rounded(least)} accepted/s (${rounded(perSecond)})`, kept: perSecond >= least },
        {
          what: `full speed within ${BACK_WITHIN_S} s of its leaving (${rounded(back, 1) ?? 'never'})`,
          kept: back !== null && back <= BACK_WITHIN_S,
        },
      ],
    };
  } finally {
    await foreign?.stop({ signal: 'SIGKILL' });
    await world.stop();
  }
}

/** A process of its own, so that no timer of ours makes its calls uneven. */
function startForeign(world: World): Promise<OwnedProcess> {
  const program = fileURLToPath(new URL('./foreign-program.ts', import.meta.url));
  const { reaper } = world.servers;
  return startProcess({
    name: 'the foreign client',
    command: process.execPath,
    args: [
      '--import',
      createRequire(import.meta.url).resolve('tsx'),
      program,
      world.simulator.url,
      String(FOREIGN_PER_SECOND),
    ],
    onSpawn: (pid) => reaper.add(pid, 'SIGKILL'),
    onExit: (pid) => reaper.remove(pid),
  });
}

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type OwnedProcess, startProcess } from '../../src/local/owned-process.js';
import type { SimulatorOptions } from '../../src/simulator/index.js';
import type { TemporalOnFile } from '../../test/faults/servers.js';
import { LIMIT_PER_SECOND } from '../measure/door.js';
import { childrenOf } from '../measure/processes.js';
import type { BenchOptions } from '../options.js';
import type { BenchContext, Scenario } from '../scenario.js';
import { foreignScenario } from './foreign.js';
import { idleScenarios } from './idle.js';
import { liveScenarios } from './live.js';
import { type RatePlan, runRate, STARTING_MS, UNTIL_BACK_S } from './run.js';

const GROUP = 'rate';
const ERASES = 1_200;
const SHORT_ERASES = 100;

type PlanFor = (context: BenchContext, erases: number) => Omit<RatePlan, 'name'>;

function scenario(name: string, about: string, planFor: PlanFor, longOnly = false): Scenario {
  return {
    group: GROUP,
    name,
    about,
    longOnly,
    run: async (context) => {
      const { options } = context;
      const erases = options.erases ?? (options.short ? SHORT_ERASES : ERASES);
      return [await runRate(GROUP, { name, ...planFor(context, erases) }, context)];
    },
  };
}

/**
 * The least submits a second of each row: a little less than a model of twenty slots gives for it. A slot takes its next call
 * a second after the answer to the last one, so that each round trip costs a part of the rate.
 */
const LEAST = { one: 19.8, several: 19.7, busy: 19.2, late: 17.7, oneFar: 19, constant: 18.9, works: 17.2 };

type Delays = Pick<SimulatorOptions, 'requestDelayMs' | 'answerDelayMs'>;
const delayed = (simulator: Delays, atLeast: number) => ({ world: { simulator }, atLeast });

const LATE = delayed({ requestDelayMs: { minMs: 0, maxMs: 200 } }, LEAST.late);
/** The way there; then 18 to 20 ms of work, and the way back. */
const CONSTANT = delayed(
  { requestDelayMs: { minMs: 40, maxMs: 42 }, answerDelayMs: { minMs: 58, maxMs: 62 } },
  LEAST.constant,
);
/** 5 to 15 ms each way, and the work between them. */
const WORKS = delayed(
  { requestDelayMs: { minMs: 5, maxMs: 15 }, answerDelayMs: { minMs: 65, maxMs: 265 } },
  LEAST.works,
);

/** A worker on another continent. */
const FARTHER_MS = 100;

/** Erases beyond the row's own, where `left` of those are not submitted yet when the last disturbance is over. */
function reserveFor(left: number, { short }: BenchOptions): number {
  return Math.max(0, Math.ceil(UNTIL_BACK_S[short ? 'short' : 'full'] * LIMIT_PER_SECOND - left));
}

/** How long one of four workers is stopped, in seconds; the others go on. */
const troubledS = ({ short }: BenchOptions) => (short ? 4 : 30);

function databaseRefuses({ options }: BenchContext, erases: number): Pick<RatePlan, 'world' | 'during' | 'reserve'> {
  return {
    world: { databaseProxy: true },
    reserve: reserveFor((erases * 2) / 3, options),
    during: async (world) => {
      await world.untilAccepted(Math.ceil(erases / 3), 120_000);
      world.database?.refuse(true);
      world.database?.cut();
      await delay(options.short ? 3_000 : 10_000);
      world.database?.refuse(false);
      return { overAtMs: [Date.now()] };
    },
  };
}

export const RATE: readonly Scenario[] = [
  scenario('one worker', 'queued erases, nothing else', (_, erases) => ({ workers: 1, erases, atLeast: LEAST.one })),
  {
    group: GROUP,
    name: 'busy cores',
    about: 'the same, with a process spinning on each core',
    longOnly: true,
    run: async (context) => {
      const erases = context.options.erases ?? (context.options.short ? SHORT_ERASES : ERASES);
      const spinners = await Promise.all(cpus().map(() => startSpinner(context)));
      let temporal: TemporalOnFile | undefined;
      const ahead = setInterval(() => putServersAhead(context, temporal), 500);
      try {
        const world: RatePlan['world'] = {
          onTemporal: (server) => {
            temporal = server;
          },
        };
        return [await runRate(GROUP, { name: 'busy cores', workers: 1, erases, world, atLeast: LEAST.busy }, context)];
      } finally {
        clearInterval(ahead);
        await Promise.all(spinners.map((each) => each.stop({ signal: 'SIGKILL' })));
      }
    },
  },
  scenario('delayed requests', 'every request arrives 0 to 200 ms late, at random', (_, erases) => ({
    workers: 1,
    erases,
    ...LATE,
  })),
  scenario(
    'constant 100 ms',
    'every answer is there 100 ms after its call',
    (_, erases) => ({ workers: 1, erases, ...CONSTANT }),
    true,
  ),
  scenario(
    'an API that works',
    'for 60 to 250 ms at each call, at random',
    (_, erases) => ({ workers: 1, erases, ...WORKS }),
    true,
  ),
  scenario(
    'stopped worker',
    'SIGSTOP, later SIGCONT',
    ({ options }, erases) => ({
      workers: 1,
      erases,
      reserve: reserveFor((erases * 2) / 3, options),
      during: async (world) => {
        await world.untilAccepted(Math.ceil(erases / 3), 120_000);
        return { overAtMs: [await pause(world.workers[0] as OwnedProcess, options.short ? 3 : 10)] };
      },
    }),
    // In short, one of the troubled four is stopped.
    true,
  ),
  scenario(
    'database refuses',
    'PostgreSQL resets and refuses every connection for 10 s',
    (context, erases) => ({ workers: 1, erases, ...databaseRefuses(context, erases) }),
    true,
  ),
  scenario(
    'database silent',
    'PostgreSQL answers nothing for 10 s, and all that was sent arrives late',
    ({ options }, erases) => ({
      workers: 1,
      erases,
      world: { databaseProxy: true },
      reserve: reserveFor((erases * 2) / 3, options),
      during: async (world) => {
        await world.untilAccepted(Math.ceil(erases / 3), 120_000);
        world.database?.freeze();
        await delay(options.short ? 3_000 : 10_000);
        world.database?.thaw();
        return { overAtMs: [Date.now()] };
      },
    }),
    true,
  ),
  scenario('two workers', 'on one ledger', (_, erases) => ({ workers: 2, erases, atLeast: LEAST.several }), true),
  scenario(
    'two workers, delayed requests',
    'every request arrives 0 to 200 ms late, at random',
    (_, erases) => ({ workers: 2, erases, ...LATE }),
    true,
  ),
  scenario(
    'two workers, one far away',
    'the calls of one are 100 ms longer on their way',
    (_, erases) => ({ workers: 2, erases, fartherMs: FARTHER_MS, atLeast: LEAST.oneFar }),
    true,
  ),
  scenario(
    'two workers, database refuses',
    'PostgreSQL resets and refuses every connection for 10 s',
    (context, erases) => ({ workers: 2, erases, ...databaseRefuses(context, erases) }),
    true,
  ),
  scenario('four workers', 'on one ledger', (_, erases) => ({ workers: 4, erases, atLeast: LEAST.several }), true),
  scenario('four workers, troubled', 'one is killed, one joins, one is stopped for 30 s', ({ options }, erases) => ({
    workers: 4,
    erases,
    reserve: reserveFor((STARTING_MS / 1_000 - troubledS(options)) * LIMIT_PER_SECOND + erases / 3, options),
    during: async (world) => {
      const overAtMs: number[] = [];
      const over = () => overAtMs.push(Date.now());
      const [killed, stopped] = world.workers as [OwnedProcess, OwnedProcess];
      await world.untilAccepted(Math.ceil(erases / 3), 120_000);
      await world.kill(killed);
      over();
      await world.untilAccepted(Math.ceil(erases / 2), 120_000);
      await world.startWorker();
      over();
      await world.untilAccepted(Math.ceil((erases * 2) / 3), 120_000);
      over();
      overAtMs.push(await pause(stopped, troubledS(options)));
      return { overAtMs };
    },
  })),
  foreignScenario,
  ...liveScenarios,
  ...idleScenarios,
];

/** @returns when it woke, in milliseconds since the epoch */
async function pause(worker: OwnedProcess, seconds: number): Promise<number> {
  process.kill(worker.pid, 'SIGSTOP');
  await delay(seconds * 1_000);
  process.kill(worker.pid, 'SIGCONT');
  return Date.now();
}

/** As `nice` counts. */
const AHEAD = '-10';

/**
 * What spins shares the worker's cores. The servers are on machines of their own: here they go ahead of it, where the system lets
 * them. Linux shares its cores out among sessions first, so that `nice` alone does nothing; a backend of PostgreSQL is one.
 */
function putServersAhead({ servers }: BenchContext, temporal: TemporalOnFile | undefined): void {
  const pids = temporal === undefined ? [] : [temporal.pid()];
  for (const pid of [...pids, servers.postgres.pid, ...childrenOf(servers.postgres.pid)]) {
    try {
      writeFileSync(`/proc/${pid}/autogroup`, AHEAD);
    } catch {
      // Gone, not allowed, or another system.
    }
  }
}

function startSpinner({ servers }: BenchContext): Promise<OwnedProcess> {
  return startProcess({
    name: 'a spinning process',
    command: process.execPath,
    args: ['-e', 'for (;;);'],
    onSpawn: (pid) => servers.reaper.add(pid, 'SIGKILL'),
    onExit: (pid) => servers.reaper.remove(pid),
  });
}

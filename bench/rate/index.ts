import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type OwnedProcess, startProcess } from '../../src/process/owned-process.js';
import type { TemporalOnFile } from '../../test/faults/servers.js';
import { childrenOf } from '../measure/processes.js';
import type { BenchContext, Scenario } from '../scenario.js';
import { foreignScenario } from './foreign.js';
import { liveScenarios } from './live.js';
import { FULL, type RatePlan, runRate } from './run.js';

const GROUP = 'rate';
const ERASES = 1_200;
const SHORT_ERASES = 120;

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

const DELAYED = { world: { simulator: { requestDelayMs: { minMs: 0, maxMs: 200 } } }, atLeast: 0.8 };

/** A worker on another continent. What it costs is that part of each second: the nearer one's calls must not overtake. */
const FARTHER_MS = 100;
/** A tenth less than anywhere else. */
const FAR_RATE = FULL * 0.9;

function databaseRefuses({ options }: BenchContext, erases: number): Pick<RatePlan, 'world' | 'during'> {
  return {
    world: { databaseProxy: true },
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
  scenario('one worker', 'queued erases, nothing else', (_, erases) => ({ workers: 1, erases, atLeast: FULL })),
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
        return [await runRate(GROUP, { name: 'busy cores', workers: 1, erases, world, atLeast: 0.9 }, context)];
      } finally {
        clearInterval(ahead);
        await Promise.all(spinners.map((each) => each.stop({ signal: 'SIGKILL' })));
      }
    },
  },
  scenario('delayed requests', 'every request arrives 0 to 200 ms late, at random', (_, erases) => ({
    workers: 1,
    erases,
    ...DELAYED,
  })),
  scenario('stopped worker', 'SIGSTOP, later SIGCONT', ({ options }, erases) => ({
    workers: 1,
    erases,
    during: async (world) => {
      await world.untilAccepted(Math.ceil(erases / 3), 120_000);
      return { overAtMs: [await pause(world.workers[0] as OwnedProcess, options.short ? 3 : 10)] };
    },
  })),
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
  scenario('two workers', 'on one ledger', (_, erases) => ({ workers: 2, erases, atLeast: FULL }), true),
  scenario(
    'two workers, delayed requests',
    'every request arrives 0 to 200 ms late, at random',
    (_, erases) => ({ workers: 2, erases, ...DELAYED }),
    true,
  ),
  scenario(
    'two workers, one far away',
    'the calls of one are 100 ms longer on their way',
    (_, erases) => ({ workers: 2, erases, fartherMs: FARTHER_MS, atLeast: FAR_RATE }),
    true,
  ),
  scenario(
    'two workers, database refuses',
    'PostgreSQL resets and refuses every connection for 10 s',
    (context, erases) => ({ workers: 2, erases, ...databaseRefuses(context, erases) }),
    true,
  ),
  scenario('four workers', 'on one ledger', (_, erases) => ({ workers: 4, erases, atLeast: FULL }), true),
  scenario('four workers, troubled', 'one is killed, one joins, one is stopped for 30 s', ({ options }, erases) => ({
    workers: 4,
    erases,
    reserve: Math.ceil(erases / 6),
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
      overAtMs.push(await pause(stopped, options.short ? 4 : 30));
      return { overAtMs };
    },
  })),
  foreignScenario,
  ...liveScenarios,
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

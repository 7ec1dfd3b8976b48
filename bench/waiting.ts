import { setTimeout as delay } from 'node:timers/promises';
import type { AdminTask } from '../src/simulator/index.js';
import { paymentsOf, ratePerSecond, submitsAmong } from './measure/door.js';
import { rounded } from './measure/numbers.js';
import { cpuSeconds, MemoryWatch, peakMegabytes, residentMegabytes } from './measure/processes.js';
import type { Row } from './report.js';
import type { BenchContext, Scenario } from './scenario.js';
import { World } from './world.js';

const GROUP = 'waiting';
const SIZES = { full: [1_000, 10_000], short: [60, 300] } as const;
/** A task lasts until all have been submitted, at no less than 22 a second, and for a while after. */
const MS_PER_SUBMIT = 45;
const WHILE_MS = { full: 90_000, short: 25_000 };
/** How long the worker is watched while it only waits. */
const WATCHED_MS = { full: 60_000, short: 8_000 };
const CALM_MS = 5_000;
/** For results, at the reads' own pace, on a slow machine. */
const PATIENCE_MS_PER_ERASE = 100;
const PATIENCE_MS = 300_000;
/** Peak memory of the worker at the larger size, as a multiple of that at the smaller one. */
const MOST_GROWTH = 1.5;
/** The limit is lifted, at the simulator and in the settings: how many wait at once is the question, not how they came. */
const UNLIMITED = { VOD_SUBMIT_RPS: '400' };

export const WAITING: readonly Scenario[] = [
  {
    group: GROUP,
    name: 'in flight',
    about: 'a thousand and ten thousand erases wait at once in one worker process',
    longOnly: true,
    run: runWaiting,
  },
];

async function runWaiting(context: BenchContext): Promise<Row[]> {
  const { erases, short } = context.options;
  const sizes = erases === undefined ? SIZES[short ? 'short' : 'full'] : [Math.ceil(erases / 10), erases];
  const rows: Row[] = [];
  for (const size of sizes) rows.push(await runOne(size, context));
  const [small, large] = rows.map(({ figures }) => Number(figures['worker peak MB']));
  const growth = (large ?? 0) / (small ?? 1);
  rows.at(-1)?.goals.push({
    what: `peak memory at most ${MOST_GROWTH} times that of the smaller size (${rounded(growth)})`,
    kept: growth <= MOST_GROWTH,
  });
  return rows;
}

async function runOne(size: number, { servers, options, say }: BenchContext): Promise<Row> {
  const length = options.short ? 'short' : 'full';
  const taskMs = size * MS_PER_SUBMIT + WHILE_MS[length];
  const world = await World.start(servers, {
    name: GROUP,
    simulator: { taskDurationMs: taskMs, submitsPerSecond: 0 },
    env: UNLIMITED,
  });
  const server = new MemoryWatch(() => residentMegabytes(world.temporalServer.pid()));
  try {
    const fileIds = await world.addFiles(size);
    await world.startErases(fileIds);
    const { pid } = await world.startWorker();
    // Reading every second is enough for the peak: the kernel keeps it.
    const memory = new MemoryWatch(() => peakMegabytes(pid));
    await world.untilPaid(fileIds, taskMs + PATIENCE_MS);
    say(`${size} are submitted`);
    await delay(CALM_MS);
    const [cpuBefore, beganMs] = [cpuSeconds(pid), performance.now()];
    await delay(WATCHED_MS[length]);
    const cpuPerMinute = ((cpuSeconds(pid) ?? 0) - (cpuBefore ?? 0)) / ((performance.now() - beganMs) / 60_000);
    const waitingMb = residentMegabytes(pid);
    await world.untilDone(taskMs + size * PATIENCE_MS_PER_ERASE + PATIENCE_MS);
    const lost = size - (await world.succeededRuns());
    const calls = await world.calls();
    const { duplicates } = paymentsOf(calls, fileIds);
    for (const line of world.complaints.slice(0, 5)) say(`worker: ${line}`);
    return {
      group: GROUP,
      name: `${size} in flight`,
      figures: {
        erases: size,
        'most at once': mostAtOnce(await world.simulator.admin.tasks()),
        'submits/s': rounded(ratePerSecond(submitsAmong(calls).accepted)),
        duplicates,
        lost,
        'vendor calls an erase': rounded(calls.length / size),
        'worker peak MB': rounded(memory.stop(), 0),
        'worker MB while waiting': rounded(waitingMb, 0),
        'CPU s a minute of waiting': rounded(cpuPerMinute),
        'Temporal server MB': rounded(server.stop(), 0),
      },
      promises: [
        { what: `nothing paid twice (${duplicates})`, kept: duplicates === 0 },
        { what: `every run succeeded (${lost} did not)`, kept: lost === 0 },
      ],
      goals: [],
    };
  } finally {
    server.stop();
    await world.stop();
  }
}

/** The most tasks that were under way at the same time, by the vendor's own times. */
function mostAtOnce(tasks: readonly AdminTask[]): number {
  const steps = tasks.flatMap(({ createdAt, finishedAt }) => [
    { at: createdAt, step: 1 },
    ...(finishedAt === null ? [] : [{ at: finishedAt, step: -1 }]),
  ]);
  let [now, most] = [0, 0];
  for (const { step } of steps.toSorted((a, b) => a.at - b.at || a.step - b.step)) {
    now += step;
    most = Math.max(most, now);
  }
  return most;
}

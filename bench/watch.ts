import { ACTIVITY_ID } from '../src/contract/names.js';
import type { CallDetail } from '../src/simulator/index.js';
import {
  callsByAction,
  LIMIT_PER_SECOND,
  mostInASecond,
  paymentsOf,
  ratePerSecond,
  submitsAmong,
} from './measure/door.js';
import { histories, noticedAtMs } from './measure/histories.js';
import { percentile, rounded } from './measure/numbers.js';
import { hardPromises } from './rate/run.js';
import type { Figures, Row } from './report.js';
import { scaledSettings } from './scaled-settings.js';
import type { BenchContext, Scenario } from './scenario.js';
import { World } from './world.js';

const GROUP = 'watch';
const ERASES = { full: 2_400, short: 100 };
/** Of every task, before scaling. */
const TASK_MS = 600_000;
/** Most vendor calls an erase, of all kinds. */
const MOST_CALLS = 2.2;
/** The default of VOD_WATCH_INTERVAL_SECONDS; a finish has to be noticed within two of them. */
const WATCH_INTERVAL_SECONDS = 5;
const SHORTEST_INTERVAL_SECONDS = 0.5;
/** Beyond submits and tasks: rarer polls, where there is no watch, and fetches. */
const PATIENCE_MS = 900_000;

export const WATCH: readonly Scenario[] = [
  {
    group: GROUP,
    name: 'watch on',
    about: 'tasks of ten minutes at full rate: vendor calls an erase, and how soon an end is noticed',
    run: async (context) => [await runWatch('watch on', { SMART_ERASE_WATCH: 'on' }, context)],
  },
  {
    group: GROUP,
    name: 'watch off',
    about: 'the same by polls alone, within the read limits',
    longOnly: true,
    run: async (context) => [await runWatch('watch off', { SMART_ERASE_WATCH: 'off' }, context)],
  },
];

async function runWatch(name: string, env: Record<string, string>, context: BenchContext): Promise<Row> {
  const { servers, options, say } = context;
  const erases = options.erases ?? ERASES[options.short ? 'short' : 'full'];
  const world = await World.start(servers, {
    name,
    simulator: { taskDurationMs: TASK_MS * options.scale },
    env: { ...scaledSettings(options.scale), ...env },
  });
  try {
    const fileIds = await world.addFiles(erases);
    const workflowIds = await world.startErases(fileIds);
    say(`${erases} erases are queued`);
    await world.startWorker();
    const submitMs = (erases / LIMIT_PER_SECOND) * 3_000;
    await world.untilDone(submitMs + TASK_MS * options.scale + PATIENCE_MS);
    for (const line of world.complaints.slice(0, 5)) say(`worker: ${line}`);
    const lost = erases - (await world.succeededRuns());
    const calls = await world.calls();
    return rowOf(name, fileIds, lost, calls, await noticedSeconds(world, fileIds, workflowIds), options.scale);
  } finally {
    await world.stop();
  }
}

/** From the vendor's finish to the moment at which the run's wait ended, by its history. */
async function noticedSeconds(world: World, fileIds: string[], workflowIds: string[]): Promise<number[]> {
  const finished = new Map<string, number>();
  for (const { fileId, finishedAt } of await world.simulator.admin.tasks())
    if (finishedAt !== null) finished.set(fileId, finishedAt);
  const seconds: number[] = [];
  let at = 0;
  for await (const events of histories(world.temporal, workflowIds)) {
    const finishedAt = finished.get(fileIds[at++] ?? '');
    const noticedAt = noticedAtMs(events, ACTIVITY_ID.awaitTask);
    if (finishedAt !== undefined && noticedAt !== undefined) seconds.push((noticedAt - finishedAt) / 1_000);
  }
  return seconds;
}

function rowOf(
  name: string,
  fileIds: string[],
  lost: number,
  calls: readonly CallDetail[],
  noticed: readonly number[],
  scale: number,
): Row {
  const erases = fileIds.length;
  const { accepted, refused } = submitsAmong(calls);
  const counts = callsByAction(calls);
  const reads = calls.filter(({ action }) => action.startsWith('Describe'));
  const details = counts.get('DescribeTaskDetail') ?? 0;
  const each = [...counts].toSorted().map(([action, count]) => [action, rounded(count / erases, 3)] as const);
  const p95 = percentile(noticed, 0.95);
  const figures: Figures = {
    erases,
    'submits/s': rounded(ratePerSecond(accepted)),
    'most in 1 s': mostInASecond(accepted),
    refusals: refused.length,
    duplicates: paymentsOf(calls, fileIds).duplicates,
    lost,
    'vendor calls an erase': rounded(calls.length / erases, 3),
    ...Object.fromEntries(each),
    // What is left when each run has read its result once.
    'polls an erase': rounded((details - erases) / erases, 3),
    'most reads in 1 s': mostInASecond(reads.map(({ at }) => at)),
    'reads refused': reads.filter(({ outcome }) => outcome.startsWith('RequestLimitExceeded')).length,
    'noticed p50 s': rounded(percentile(noticed, 0.5)),
    'noticed p95 s': rounded(p95),
  };
  const within = 2 * Math.max(SHORTEST_INTERVAL_SECONDS, WATCH_INTERVAL_SECONDS * scale);
  const ofWatch = [
    {
      what: `at most ${MOST_CALLS} vendor calls an erase (${figures['vendor calls an erase']})`,
      kept: calls.length / erases <= MOST_CALLS,
    },
    { what: `noticed within ${within} s (p95 ${rounded(p95)})`, kept: p95 !== null && p95 <= within },
  ];
  const readsFit = { what: 'no read refused', kept: figures['reads refused'] === 0 };
  return {
    group: GROUP,
    name,
    figures,
    promises: hardPromises(figures),
    goals: name === 'watch on' ? [...ofWatch, readsFit] : [readsFit],
  };
}

import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ACTIVITY } from '../../src/contract/names.js';
import type { Call } from '../../src/simulator/index.js';
import { SUBMIT_ACTION } from '../../src/tencent-vod/rates.js';
import { SUB_APP_ID } from '../../test/support/simulator.js';
import {
  BURST_MS,
  LIMIT_PER_SECOND,
  mostInASecond,
  mostWithin,
  paymentsOf,
  ratePerSecond,
  submitsAmong,
} from '../measure/door.js';
import { begunAtMs, histories } from '../measure/histories.js';
import { percentile, rounded } from '../measure/numbers.js';
import type { Figures, Row } from '../report.js';
import type { BenchContext, Scenario } from '../scenario.js';
import { World } from '../world.js';
import { hardPromises, LONG_TASK_MS } from './run.js';

const GROUP = 'rate';
const SINGLES = 'single erases';
const AFTER_IDLE = 'after ten idle seconds';
/** How many come alone. */
const ALONE = { full: 40, short: 6 };
/** From one that is at the vendor to the next; not always the same, so that it keeps no step with anything in the worker. */
const APART_MS = { full: { least: 800, beyond: 400 }, short: { least: 300, beyond: 200 } };
/** A share of `beyond` that is another each time. */
const GOLDEN = 0.618_034;
const IDLE_MS = 10_000;
/** Every so many, one comes after ten idle seconds: a p95 has to show those, too. In a short run only the first one is such. */
const IDLE_BEFORE_EACH = { full: 4, short: Number.POSITIVE_INFINITY };
/** An erase that comes alone is at the vendor so soon after its intent, p95, in milliseconds. */
const AFTER_INTENT_MS = 50;
/** And so soon after the worker was given its submit: what waits for its turn may do so before it writes the intent. */
const AFTER_BEGIN_MS = 100;
/** From its start to the first of them. */
const STARTED_MS = { full: IDLE_MS, short: 2_000 };
/** Each time after ten idle seconds: whether the erases are a backlog's or live ones. */
const ROUNDS = { full: ['backlog', 'live', 'backlog', 'live'], short: ['backlog'] } as const;
const A_ROUND = { full: 300, short: 40 };
/** Of a round's first second. */
const MOST_IN_A_BURST = 5;
const SECOND_MS = 1_000;

/** How a worker that had nothing to do submits: one erase at once, many of them spread. Both in one world, which takes a while to start. */
export const idleScenarios: readonly Scenario[] = [
  {
    group: GROUP,
    name: `${SINGLES}, ${AFTER_IDLE}`,
    about: 'a worker without work is given one erase at a time, then many at once',
    run: runIdle,
  },
];

async function runIdle(context: BenchContext): Promise<Row[]> {
  const world = await World.start(context.servers, { name: 'idle', simulator: { taskDurationMs: LONG_TASK_MS } });
  try {
    await world.startWorker();
    await delay(STARTED_MS[context.options.short ? 'short' : 'full']);
    const rows = [await runSingles(world, context), await runRounds(world, context)];
    for (const line of world.complaints.slice(0, 5)) context.say(`worker: ${line}`);
    return rows;
  } finally {
    await world.stop();
  }
}

async function runSingles(world: World, { options }: BenchContext): Promise<Row> {
  const length = options.short ? 'short' : 'full';
  const { least, beyond } = APART_MS[length];
  const fileIds = await world.addFiles(ALONE[length]);
  const [startedMs, begunMs] = [new Map<string, number>(), new Map<string, number>()];
  const workflowIds: string[] = [];
  for (const [at, fileId] of fileIds.entries()) {
    if (at % IDLE_BEFORE_EACH[length] === IDLE_BEFORE_EACH[length] - 1) await delay(IDLE_MS);
    startedMs.set(fileId, Date.now());
    const { workflowId } = await world.client.start({ fileId, subAppId: SUB_APP_ID, recipe: { name: 'subtitles' } });
    await world.untilAccepted(at + 1, 30_000);
    await delay(least + beyond * ((at * GOLDEN) % 1));
    workflowIds.push(workflowId);
  }
  let next = 0;
  for await (const events of histories(world.temporal, workflowIds)) {
    const begun = begunAtMs(events, ACTIVITY.submit);
    if (begun !== undefined) begunMs.set(fileIds[next] as string, begun);
    next += 1;
  }
  const calls = await world.calls();
  const waits = (since: ReadonlyMap<string, number>) =>
    firstArrivals(calls).flatMap(({ fileId, at }) => {
      const sinceMs = since.get(fileId);
      return sinceMs === undefined ? [] : [at - sinceMs];
    });
  const [afterIntent, afterBegin] = [waits(await intentsOf(world)), waits(begunMs)];
  const figures = {
    ...figuresOf(calls, fileIds),
    'after intent p50 ms': rounded(percentile(afterIntent, 0.5), 1),
    'after intent p95 ms': rounded(percentile(afterIntent, 0.95), 1),
    'after begin p50 ms': rounded(percentile(afterBegin, 0.5), 1),
    'after begin p95 ms': rounded(percentile(afterBegin, 0.95), 1),
    'after start p95 ms': percentile(waits(startedMs), 0.95),
  };
  const within = (what: string, times: readonly number[], mostMs: number) => {
    const p95 = percentile(times, 0.95);
    const all = times.length === fileIds.length;
    return {
      what: `at the vendor within ${mostMs} ms of ${what} (p95 ${rounded(p95, 1)}, of ${times.length})`,
      kept: all && p95 !== null && p95 <= mostMs,
    };
  };
  return {
    group: GROUP,
    name: SINGLES,
    figures,
    promises: hardPromises(figures),
    goals: [
      within('its intent', afterIntent, AFTER_INTENT_MS),
      within('the begin of its submit', afterBegin, AFTER_BEGIN_MS),
    ],
  };
}

async function runRounds(world: World, { options, say }: BenchContext): Promise<Row> {
  const length = options.short ? 'short' : 'full';
  const each = options.erases ?? A_ROUND[length];
  const fileIds = await world.addFiles(ROUNDS[length].length * each, ALONE[length]);
  const beforeMs = Date.now();
  const rates: (number | null)[] = [];
  const firsts: number[][] = [];
  for (const [at, kind] of ROUNDS[length].entries()) {
    await delay(IDLE_MS);
    const fromMs = Date.now();
    const ofRound = fileIds.slice(at * each, (at + 1) * each);
    await world.startErases(ofRound, kind === 'backlog' ? { batchId: `backlog-${at}` } : {});
    const queuedMs = Date.now() - fromMs;
    await world.untilPaid(ofRound, (each / LIMIT_PER_SECOND) * 3_000 + 60_000);
    const { offered, accepted } = submitsAmong((await world.calls()).filter((call) => call.at >= fromMs));
    rates.push(ratePerSecond(accepted));
    const first = offered.filter((time) => time < (offered[0] ?? 0) + SECOND_MS);
    firsts.push(first);
    say(
      `${kind}: queued in ${queuedMs} ms, ${first.length} in the first second, ${mostWithin(first, BURST_MS)} in 100 ms`,
    );
  }
  const calls = (await world.calls()).filter(({ at }) => at >= beforeMs);
  const most = Math.max(...firsts.map((first) => mostWithin(first, BURST_MS)));
  const slowest = rates.includes(null) ? null : Math.min(...(rates as number[]));
  const figures = {
    ...figuresOf(calls, fileIds),
    'submits/s': rounded(slowest),
    'first 1 s': Math.max(...firsts.map((first) => first.length)),
    'most in 100 ms of it': most,
  };
  return {
    group: GROUP,
    name: AFTER_IDLE,
    figures,
    promises: hardPromises(figures),
    goals: [
      {
        what: `at most ${MOST_IN_A_BURST} in any ${BURST_MS} ms of the first second (${most})`,
        kept: most <= MOST_IN_A_BURST,
      },
    ],
  };
}

function figuresOf(calls: readonly Call[], fileIds: readonly string[]): Figures {
  const { accepted, refused, offered } = submitsAmong(calls);
  const { duplicates, never } = paymentsOf(calls, fileIds);
  return {
    workers: 1,
    erases: fileIds.length,
    'most in 1 s': mostInASecond(accepted),
    'offered in 1 s': mostInASecond(offered),
    'most in 100 ms': mostWithin(offered, BURST_MS),
    refusals: refused.length,
    duplicates,
    lost: never,
  };
}

/** The first submit of each file at the vendor, whatever its answer. */
function firstArrivals(calls: readonly Call[]): { fileId: string; at: number }[] {
  const first = new Map<string, number>();
  for (const { action, fileId, at } of calls) {
    if (action !== SUBMIT_ACTION || fileId === null) continue;
    first.set(fileId, Math.min(at, first.get(fileId) ?? at));
  }
  return [...first].map(([fileId, at]) => ({ fileId, at }));
}

/** When the ledger first wrote the intent of each file, in milliseconds since the epoch. The servers share this machine's clock. */
async function intentsOf(world: World): Promise<Map<string, number>> {
  const ledger = new pg.Client({ connectionString: world.env.DATABASE_URL });
  await ledger.connect();
  try {
    const { rows } = await ledger.query<{ file_id: string; ms: number }>(
      `select erase.file_id, (extract(epoch from min(submission.intent_at)) * 1000)::float8 as ms
       from submission join erase on erase.id = submission.erase_id group by erase.file_id`,
    );
    return new Map(rows.map(({ file_id, ms }) => [file_id, ms]));
  } finally {
    await ledger.end();
  }
}

/** Batches at scale: what a backlog of a hundred thousand costs, and what the public sample's way costs beside it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type BatchSnapshot, batchWorkflowId } from '../../src/contract/batch.js';
import { eraseWorkflowId, recipeHash } from '../../src/contract/identity.js';
import { parseEraseRequest } from '../../src/contract/request-schema.js';
import type { NewBatchItem } from '../../src/ledger/batches/batch-store.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import type { OwnedProcess } from '../../src/local/owned-process.js';
import { startCli } from '../../test/support/cli.js';
import { SUB_APP_ID } from '../../test/support/simulator.js';
import { LIMIT_PER_SECOND, paymentsOf, ratePerSecond, submitsAmong } from '../measure/door.js';
import { rounded } from '../measure/numbers.js';
import type { Check, Figures, Row } from '../report.js';
import type { BenchContext, Scenario } from '../scenario.js';
import { World } from '../world.js';
import { feederCost, peakMb } from './feeder-cost.js';
import { runSlidingWindow } from './sliding-window.js';
import { runStartMemory } from './start-memory.js';

const GROUP = 'batch';
const ITEMS = { full: 100_000, short: 1_500 };
/** Memory at this part of the items is compared with, and may grow so far. */
const SMALLER = 10;
const MOST_GROWTH = 1.3;
const TENTH = 'batch, a tenth';
const START = 'starting a batch';
const AT_THE_LIMIT = { full: 2_400, short: 300 };
const CHILDREN = { full: 5_000, short: 500 };
/** Of every task: so short that the first completion comes before the first window of runs is full, and none waits for it. */
const SHORT_TASK_MS = 200;
/** A run of the dispatcher's history stays below these. */
const MOST_EVENTS = 5_000;
const MOST_BYTES = 2_000_000;
const MOST_EVENTS_AN_ITEM = 0.1;
/** Fewer items are claimed at once, and tell nothing about starts. */
const LEAST_FOR_STARTS = 5_000;
/** The share of the vendor's limit that a batch has to keep. */
const FULL = 0.97;
/** No item of a batch takes longer than this on the slowest machine, in milliseconds. */
const PATIENCE_AN_ITEM_MS = 500;

/** Nothing but this machine limits it. */
const LIFTED = {
  simulator: { taskDurationMs: SHORT_TASK_MS, submitsPerSecond: 0, readsPerSecond: 0, writesPerSecond: 0 },
  env: {
    VOD_SUBMIT_RPS: '500',
    VOD_WATCH_INTERVAL_SECONDS: '0.5',
  },
};

export const BATCH: readonly Scenario[] = [
  {
    group: GROUP,
    name: TENTH,
    about: 'a tenth of the items, the limit lifted: to compare memory with',
    longOnly: true,
    run: async (context) => [await runBatch(TENTH, Math.ceil(itemsOf(context, ITEMS) / SMALLER), context)],
  },
  {
    group: GROUP,
    name: 'batch',
    about: 'the limit lifted: starts a second, events of the feeder, memory, all accounted for',
    run: async (context) => [await runBatch('batch', itemsOf(context, ITEMS), context)],
  },
  {
    group: GROUP,
    name: START,
    about: 'memory and time of the command that reads, prices and copies the backlog, and of a tenth of it',
    run: async (context) => [
      await runStartMemory(GROUP, START, itemsOf(context, ITEMS), {
        part: SMALLER,
        mostGrowth: MOST_GROWTH,
        options: LIFTED,
        context,
      }),
    ],
  },
  {
    group: GROUP,
    name: 'batch at the limit',
    about: 'submits a second at the vendor’s 20',
    run: async (context) => [await runAtTheLimit(itemsOf(context, AT_THE_LIMIT), context)],
  },
  {
    group: GROUP,
    name: 'sliding window of children',
    about: 'the way of the public samples: a parent that starts children and counts their signals',
    run: async (context) => [await runSlidingWindow(GROUP, itemsOf(context, CHILDREN), context)],
  },
];

function itemsOf({ options }: BenchContext, items: { full: number; short: number }): number {
  return options.erases ?? items[options.short ? 'short' : 'full'];
}

async function runBatch(
  name: string,
  items: number,
  { servers, options, rowsBefore, say }: BenchContext,
): Promise<Row> {
  const world = await World.start(servers, { name, ...LIFTED });
  const ledger = openLedger(world.env.DATABASE_URL ?? '', { namespace: world.env.TEMPORAL_NAMESPACE });
  try {
    const { batchId, fileIds } = await writeBatch(world, ledger, items);
    say(`${items} items are written`);
    const worker = await world.startWorker();
    const watch = startCli(['batch', 'watch', batchId, '--every', '10s', '-o', 'jsonl'], world.env, {
      timeoutMs: items * PATIENCE_AN_ITEM_MS + 600_000,
    });
    const startedMs = performance.now();
    const { end, firstDone, memory } = await untilEnded(world, ledger, batchId, {
      worker,
      watchPid: watch.process.pid,
      say,
    });
    const seconds = (performance.now() - startedMs) / 1_000;
    await watch.ended;
    for (const line of world.complaints.slice(0, 5)) say(`worker: ${line}`);
    const cost = await feederCost(world.temporal, batchWorkflowId(batchId));
    const payments = paymentsOf(await world.calls(), fileIds);
    const starts = items < LEAST_FOR_STARTS ? null : await startsPerSecond(world);
    const done = end.counts.succeeded;
    const figures = {
      items,
      succeeded: done,
      'submitted twice': payments.duplicates,
      seconds: rounded(seconds, 0),
      'items/s': rounded(items / seconds),
      'starts/s': starts,
      'first end s': rounded(firstDone / 1_000),
      'feeder runs': cost.runs,
      'most events a run': cost.mostEvents,
      'most bytes a run': cost.mostBytes,
      'feeder events an item': rounded(cost.events / items, 4),
      'worker peak MB': memory.worker,
      'watch peak MB': memory.watch,
    };
    const promises = [
      { what: `all accounted for (${done} of ${items})`, kept: end.counts.total === items && done === items },
      { what: `0 submitted twice (${payments.duplicates})`, kept: payments.duplicates === 0 },
      {
        what: `a run of the feeder below ${MOST_EVENTS} events (${cost.mostEvents})`,
        kept: cost.mostEvents < MOST_EVENTS,
      },
      { what: `and below 2 MB (${cost.mostBytes})`, kept: cost.mostBytes < MOST_BYTES },
      {
        what: `at most ${MOST_EVENTS_AN_ITEM} events an item (${figures['feeder events an item']})`,
        kept: cost.events / items <= MOST_EVENTS_AN_ITEM,
      },
      ...(options.short ? [] : growthChecks(rowsBefore.find((row) => row.name === TENTH)?.figures, figures)),
    ];
    return { group: GROUP, name, figures, promises, goals: [] };
  } finally {
    await ledger.close();
    await world.stop();
  }
}

/** @param tenth of the row before; without one there is nothing to compare with */
function growthChecks(tenth: Figures | undefined, whole: Figures): Check[] {
  if (tenth === undefined) return [];
  return ['worker peak MB', 'watch peak MB'].map((name) => {
    const times = Number(whole[name]) / Number(tenth[name]);
    const what = `${name} at most ${MOST_GROWTH} times that at a tenth of the items (${rounded(times)})`;
    return { what, kept: times <= MOST_GROWTH };
  });
}

/**
 * Starts of runs a second, over the time in which they were started. The ledger notes a claim, of up to some seconds of the
 * rate at once, when the starts of the claim before it were done: so it takes many claims to tell.
 */
async function startsPerSecond(world: World): Promise<number | null> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: world.env.DATABASE_URL });
  await client.connect();
  try {
    const { rows } = await client.query<{ rate: number | null }>(
      `select (count(*) - 1) / nullif(extract(epoch from max(started_at) - min(started_at)), 0)::double precision as rate
       from batch_item where started_at is not null`,
    );
    return rounded(rows[0]?.rate ?? null);
  } finally {
    await client.end();
  }
}

async function runAtTheLimit(items: number, { servers, options, say }: BenchContext): Promise<Row> {
  const name = 'batch at the limit';
  const world = await World.start(servers, {
    name,
    simulator: { taskDurationMs: SHORT_TASK_MS },
    env: { VOD_WATCH_INTERVAL_SECONDS: LIFTED.env.VOD_WATCH_INTERVAL_SECONDS },
  });
  const ledger = openLedger(world.env.DATABASE_URL ?? '', { namespace: world.env.TEMPORAL_NAMESPACE });
  try {
    const { batchId, fileIds } = await writeBatch(world, ledger, items);
    const worker = await world.startWorker();
    await untilEnded(world, ledger, batchId, { worker, watchPid: undefined, say });
    const calls = await world.calls();
    const { accepted, refused } = submitsAmong(calls);
    const rate = ratePerSecond(accepted);
    const { duplicates } = paymentsOf(calls, fileIds);
    return {
      group: GROUP,
      name,
      figures: { items, 'submits/s': rounded(rate), refusals: refused.length, 'submitted twice': duplicates },
      promises: [{ what: `0 submitted twice (${duplicates})`, kept: duplicates === 0 }],
      goals: [
        {
          what: `${FULL} of ${LIMIT_PER_SECOND} a second (${rounded(rate)})`,
          kept: options.short || (rate ?? 0) >= FULL * LIMIT_PER_SECOND,
        },
      ],
    };
  } finally {
    await ledger.close();
    await world.stop();
  }
}

async function writeBatch(
  world: World,
  ledger: Ledger,
  count: number,
): Promise<{ batchId: string; fileIds: string[] }> {
  const fileIds = await world.addFiles(count);
  const batchId = `bench-${count}`;
  const items = fileIds.map((fileId, at): NewBatchItem => {
    const parsed = parseEraseRequest({ fileId, subAppId: SUB_APP_ID, recipe: { name: 'subtitles' }, batchId });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    const { request } = parsed;
    const workflowId = eraseWorkflowId(request);
    const known = { subAppId: SUB_APP_ID, fileId, recipeHash: recipeHash(request.recipe), workflowId, request };
    return { number: at + 1, row: at + 1, estimatedUsd: 0.05, ...known };
  });
  await ledger.batches.create(
    {
      id: batchId,
      settings: {
        concurrency: 10_000,
        tolerate: null,
        minSample: 100,
        maxCostUsd: null,
        sampleSize: null,
        deadlineAt: null,
      },
      source: { kind: 'requests', name: 'bench', sha256: null, rows: count },
      estimatedUsd: count * 0.05,
      parent: null,
      requestedBy: 'bench',
      reason: null,
    },
    items,
  );
  return { batchId, fileIds };
}

interface Watched {
  worker: OwnedProcess;
  watchPid: number | undefined;
  say(line: string): void;
}

/** A worker that starts finds the batch, and dispatches it. */
async function untilEnded(world: World, ledger: Ledger, batchId: string, { worker, watchPid, say }: Watched) {
  const startedMs = performance.now();
  let firstDone = Number.NaN;
  let saidMs = 0;
  let memory = { worker: 0, watch: 0 };
  for (;;) {
    const snapshot: BatchSnapshot | null = await ledger.batches.snapshot(batchId);
    if (snapshot === null) throw new Error('the batch is gone');
    const { counts, state } = snapshot;
    if (Number.isNaN(firstDone) && counts.succeeded > 0) firstDone = performance.now() - startedMs;
    memory = {
      worker: Math.max(memory.worker, peakMb(worker.pid)),
      watch: Math.max(memory.watch, watchPid === undefined ? 0 : peakMb(watchPid)),
    };
    if (performance.now() - saidMs > 15_000) {
      saidMs = performance.now();
      say(`${counts.succeeded} of ${counts.total}, ${counts.running} run, window ${snapshot.window}`);
    }
    if (state === 'ended') return { end: snapshot, firstDone, memory };
    if (performance.now() - startedMs > counts.total * PATIENCE_AN_ITEM_MS + 600_000) {
      throw new Error(`not at its end: ${JSON.stringify(snapshot)}; ${world.complaints.slice(0, 3).join(' | ')}`);
    }
    await sleep(1_000);
  }
}

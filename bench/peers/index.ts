import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '../../src/local/wait-until.js';
import type { AdminTask } from '../../src/simulator/index.js';
import { manyMedia, type SimulatorProcess } from '../../test/support/simulator.js';
import { CallFeed } from '../measure/call-feed.js';
import {
  LIMIT_PER_SECOND,
  mostInASecond,
  noticedAfterMs,
  paymentsOf,
  ratePerSecond,
  submitsAmong,
} from '../measure/door.js';
import { mean, percentile, rounded } from '../measure/numbers.js';
import { MemoryWatch, peakMegabytes, sumOf } from '../measure/processes.js';
import { hardPromises } from '../rate/run.js';
import type { Figures, Row } from '../report.js';
import type { BenchContext, Scenario } from '../scenario.js';
import { startVendor } from '../vendor.js';
import { BULLMQ } from './bullmq/contender.js';
import { type Contender, NotAvailable, type PeerRun, type RunningContender } from './contender.js';
import { OURS } from './ours.js';
import { buildPeers } from './process.js';
import { SCRIPT } from './script/contender.js';
import { TEMPORAL_LITERAL } from './temporal-literal/contender.js';

const GROUP = 'peers';
const ERASES = { full: 600, short: 40 };
/** Of a task, before scaling. */
const TASK_MS = { minMs: 30_000, maxMs: 120_000 };
/** On its way to the vendor and back a request takes about this long; it is what a kill can hit. */
const REQUEST_DELAY_MS = 100;
/** Beyond what the tasks take: lost locks, timeouts and settle times after a kill. */
const PATIENCE_MS = 240_000;
/** So that no program's last second counts against the next one's first. */
const BETWEEN_MS = 2_000;
const CONTENDERS: readonly Contender[] = [OURS, TEMPORAL_LITERAL, SCRIPT, BULLMQ];

interface Ground {
  context: BenchContext;
  simulator: SimulatorProcess;
  feed: CallFeed;
  fileIds: readonly string[];
  secretId: string;
  secretKey: string;
}

export const PEERS: readonly Scenario[] = [
  {
    group: GROUP,
    name: CONTENDERS.map(({ name }) => name).join(' | '),
    about: 'on one simulator, one after the other, undisturbed and with a SIGKILL; --only chooses among them',
    run: runPeers,
  },
];

async function runPeers(context: BenchContext): Promise<Row[]> {
  const { options, say } = context;
  const erases = options.erases ?? ERASES[options.short ? 'short' : 'full'];
  const wanted = CONTENDERS.filter(({ name }) => options.only?.some((text) => name.includes(text)) ?? true);
  const runs = wanted
    .flatMap((contender) => [
      { contender, killed: false },
      { contender, killed: true },
    ])
    // In the short version the others only show that they can be run.
    .filter(({ contender, killed }) => killed || contender.isOurs || !options.short);
  const credentials = runs.map((_, at) => ({ secretId: `AKIDpeer${at}`, secretKey: `peer${at}` }));
  buildPeers();
  const simulator = await startVendor({
    credentials,
    taskDurationMs: { minMs: TASK_MS.minMs * options.scale, maxMs: TASK_MS.maxMs * options.scale },
    requestDelayMs: REQUEST_DELAY_MS,
  });
  try {
    const rows: Row[] = [];
    let feed = new CallFeed(simulator.url);
    for (const [at, { contender, killed }] of runs.entries()) {
      feed = await feed.fromHere();
      const media = manyMedia(erases, 5285000000000000000n + BigInt(at * 1_000_000));
      await simulator.admin.addMedia(media);
      const fileIds = media.map(({ fileId }) => fileId);
      const key = credentials[at] as { secretId: string; secretKey: string };
      const row = await runOne(contender, killed, { context, simulator, feed, fileIds, ...key });
      say(`${row.name}: ${JSON.stringify(row.figures)}`);
      rows.push(row);
      await delay(BETWEEN_MS);
    }
    return rows;
  } finally {
    await simulator.kill();
  }
}

async function runOne(contender: Contender, killed: boolean, ground: Ground): Promise<Row> {
  const { servers, options, say } = ground.context;
  const name = killed ? `${contender.name}, killed` : contender.name;
  const row = (figures: Figures, promises: Row['promises'] = []): Row => ({
    group: GROUP,
    name,
    figures,
    promises,
    goals: [],
  });
  const folder = mkdtempSync(join(tmpdir(), 'smart-erase-peer-'));
  servers.reaper.addFolder(folder);
  const { simulator, fileIds, secretId, secretKey } = ground;
  const run: PeerRun = { servers, simulator, secretId, secretKey, fileIds, scale: options.scale, folder, say };
  let running: RunningContender | undefined;
  try {
    running = await contender.start(run);
    const figures = await measure(running, killed, ground);
    return row(figures, contender.isOurs ? hardPromises(figures) : []);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (!(error instanceof NotAvailable)) say(error instanceof Error ? (error.stack ?? why) : why);
    return row({ note: why }, contender.isOurs ? [{ what: `it ran to its end (${why})`, kept: false }] : []);
  } finally {
    await running?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(running: RunningContender, killed: boolean, ground: Ground): Promise<Figures> {
  const { simulator, fileIds, secretId, feed } = ground;
  const { scale } = ground.context.options;
  const startedMs = performance.now();
  const workers = new MemoryWatch(() => sumOf(running.workerPids().map(peakMegabytes)));
  const services = new MemoryWatch(() => running.serviceMegabytes(), 5_000);
  const callsOf = async () => (await feed.read()).filter((call) => call.secretId === secretId);
  const submitMs = (fileIds.length / LIMIT_PER_SECOND) * 3_000;
  if (killed) {
    const half = async () => submitsAmong(await callsOf()).accepted.length >= fileIds.length / 2 || undefined;
    await waitUntil(half, { timeoutMs: submitMs + PATIENCE_MS, everyMs: 500 });
    await running.killAndRestart();
  }
  const all = async () => (await running.doneCount().catch(() => 0)) >= fileIds.length || undefined;
  await waitUntil(all, { timeoutMs: submitMs + TASK_MS.maxMs * scale + PATIENCE_MS, everyMs: 1_000 });
  const seconds = (performance.now() - startedMs) / 1_000;
  const [workerMb, serviceMb] = [workers.stop(), services.stop()];
  const results = await running.results();
  const costs = await running.costs?.();

  const calls = await callsOf();
  const ours = new Set(fileIds);
  const tasks = (await simulator.admin.tasks()).filter(({ fileId }) => ours.has(fileId));
  const { accepted, refused, offered } = submitsAmong(calls);
  const noticed = noticedAfterMs(tasks, calls).map((ms) => ms / 1_000);
  return {
    erases: fileIds.length,
    'submits/s': rounded(ratePerSecond(accepted)),
    'most in 1 s': mostInASecond(accepted),
    'offered in 1 s': mostInASecond(offered),
    refusals: refused.length,
    'vendor calls an erase': rounded(calls.length / fileIds.length),
    duplicates: paymentsOf(calls, fileIds).duplicates,
    lost: fileIds.length - haveTheirResult(results, tasks),
    'events an erase': rounded(mean(costs?.map(({ events }) => events) ?? []), 1),
    'actions an erase': rounded(mean(costs?.map(({ actions }) => actions) ?? []), 1),
    'noticed p50 s': rounded(percentile(noticed, 0.5)),
    'noticed p95 s': rounded(percentile(noticed, 0.95)),
    'worker MB': rounded(workerMb, 0),
    'services MB': rounded(serviceMb, 0),
    'all done s': rounded(seconds, 0),
  };
}

/** How many files were reported as done with a result that the vendor made of that very file. */
function haveTheirResult(results: ReadonlyMap<string, string>, tasks: readonly AdminTask[]): number {
  const made = new Set(tasks.map(({ fileId, resultFileId }) => `${fileId} ${resultFileId}`));
  return [...results].filter(([fileId, resultFileId]) => made.has(`${fileId} ${resultFileId}`)).length;
}

import { setTimeout as delay } from 'node:timers/promises';
import type { Call } from '../../src/simulator/index.js';
import { SUBMIT_ACTION } from '../../src/tencent-vod/rates.js';
import { SUB_APP_ID } from '../../test/support/simulator.js';
import { BURST_MS, mostInASecond, mostWithin, paymentsOf, submitsAmong } from '../measure/door.js';
import { percentile, rounded } from '../measure/numbers.js';
import type { Row } from '../report.js';
import type { BenchContext, Scenario } from '../scenario.js';
import { World } from '../world.js';
import { hardPromises, LONG_TASK_MS } from './run.js';

const NAME = 'live before backlog';
const BACKLOG = { full: 5_000, short: 400 };
/** All workflows of the backlog have asked for their submit within this, in milliseconds. */
const QUEUED_WITHIN_MS = 600_000;
const HARDLY_SUBMITS = {
  VOD_SUBMIT_RPS: '0.2',
  VOD_REQUEST_TIMEOUT_SECONDS: '2',
  SMART_ERASE_SHUTDOWN_GRACE_SECONDS: '5',
};
/** A live erase every so often, for so long, in milliseconds. */
const EVERY_MS = { full: 2_000, short: 1_500 };
const SINGLES_MS = { full: 60_000, short: 6_000 };
/** Live erases at once, more than can be submitted while the share is measured. */
const FLOOD = { full: 700, short: 150 };
const FLOOD_SETTLE_MS = { full: 3_000, short: 1_000 };
const FLOOD_MEASURED_MS = { full: 20_000, short: 3_000 };
/** A live erase has to be submitted within this, p95, in seconds. */
const LIVE_WITHIN_S = 1.5;
/** The backlog keeps at least this share of the rate. */
const BACKLOG_SHARE = 0.05;

export const liveScenarios: readonly Scenario[] = [
  {
    group: 'rate',
    name: NAME,
    about: 'single live erases, then a flood of them, while a long backlog is queued',
    run: async (context) => [await runLive(context)],
  },
];

async function runLive({ servers, options, say }: BenchContext): Promise<Row> {
  const length = options.short ? 'short' : 'full';
  const world = await World.start(servers, { name: NAME, simulator: { taskDurationMs: LONG_TASK_MS } });
  try {
    const backlogSize = BACKLOG[length];
    const singles = Math.floor(SINGLES_MS[length] / EVERY_MS[length]);
    const fileIds = await world.addFiles(backlogSize + singles + FLOOD[length]);
    const backlog = fileIds.slice(0, backlogSize);
    const single = fileIds.slice(backlogSize, backlogSize + singles);
    const flood = fileIds.slice(backlogSize + singles);
    await world.startErases(backlog, { batchId: 'backlog' });
    say(`${backlog.length} erases of a backlog are queued`);
    // What is to be shown is a queue of submits, and not one of workflows that have not begun: they begin with a worker that
    // submits hardly anything.
    const slow = await world.startWorker(HARDLY_SUBMITS);
    if (!(await world.untilBegun(QUEUED_WITHIN_MS))) say('some workflows of the backlog have not begun');
    await world.drain(slow);
    const before = submitsAmong(await world.calls()).accepted.length;
    await world.startWorker();
    await world.untilAccepted(before + 40, 120_000);
    const queued = backlogSize - submitsAmong(await world.calls()).accepted.length;
    say(`${queued} submits of it are queued`);

    const startedMs = new Map<string, number>();
    for (const fileId of single) {
      startedMs.set(fileId, Date.now());
      await world.client.start({ fileId, subAppId: SUB_APP_ID, recipe: { name: 'subtitles' } });
      await delay(EVERY_MS[length]);
    }
    await world.untilPaid(single, 60_000);
    await world.startErases(flood);
    const fromMs = Date.now() + FLOOD_SETTLE_MS[length];
    const toMs = fromMs + FLOOD_MEASURED_MS[length];
    await delay(toMs - Date.now());

    const calls = await world.calls();
    const acceptedAt = acceptedByFile(calls);
    const waits = single.flatMap((fileId) => {
      const at = acceptedAt.get(fileId);
      return at === undefined ? [] : [(at - (startedMs.get(fileId) ?? 0)) / 1_000];
    });
    const inFlood = (files: readonly string[]) =>
      files.filter((fileId) => {
        const at = acceptedAt.get(fileId);
        return at !== undefined && at >= fromMs && at < toMs;
      }).length;
    const [ofBacklog, ofLive] = [inFlood(backlog), inFlood(flood)];
    // A backlog that was all submitted by then shows nothing of its share.
    const lasted = backlog.some((fileId) => (acceptedAt.get(fileId) ?? Number.POSITIVE_INFINITY) >= toMs);
    const share = lasted ? ofBacklog / Math.max(1, ofBacklog + ofLive) : null;
    const percent = share === null ? null : rounded(share * 100, 1);
    const p95 = percentile(waits, 0.95);
    const { accepted, refused, offered } = submitsAmong(calls);
    const figures = {
      workers: 1,
      erases: accepted.length,
      'most in 1 s': mostInASecond(accepted),
      'offered in 1 s': mostInASecond(offered),
      'most in 100 ms': mostWithin(offered, BURST_MS),
      refusals: refused.length,
      duplicates: paymentsOf(calls, fileIds).duplicates,
      lost: single.length - waits.length,
      'queued before': queued,
      'live p50 s': rounded(percentile(waits, 0.5)),
      'live p95 s': rounded(p95),
      'backlog share %': percent,
    };
    return {
      group: 'rate',
      name: NAME,
      figures,
      promises: hardPromises(figures),
      goals: [
        {
          what: `a live erase submits within ${LIVE_WITHIN_S} s (p95 ${rounded(p95)})`,
          kept: (p95 ?? 99) <= LIVE_WITHIN_S,
        },
        {
          what: `the backlog keeps 5% of the rate (${share === null ? 'it had nothing left to submit' : `${percent}%`})`,
          // Where the measured time begins and ends can cost it one call.
          kept: lasted ? ofBacklog + 1 > BACKLOG_SHARE * (ofBacklog + ofLive) : options.short,
        },
      ],
    };
  } finally {
    await world.stop();
  }
}

function acceptedByFile(calls: readonly Call[]): Map<string, number> {
  const accepted = new Map<string, number>();
  for (const { action, fileId, taskId, at } of calls)
    if (action === SUBMIT_ACTION && fileId !== null && taskId !== null && !accepted.has(fileId))
      accepted.set(fileId, at);
  return accepted;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFeedBatch } from '../../src/activities/batch/dispatch-batch.js';
import { settleFinishedRuns } from '../../src/activities/batch/settle-finished-runs.js';
import { startItems } from '../../src/activities/batch/start-items.js';
import { FEEDER_TIMINGS, FIRST_QUEUED, nextQueued, tickMsAt } from '../../src/activities/batch/timings.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import type { EraseRuns, RunSeen } from '../../src/temporal/erase-runs.js';
import { SETTINGS } from '../support/batch.js';
import { newBatch, newItem } from '../support/batches.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { eventually } from '../support/processes.js';

const ANY = { limit: 10_000, roomUsd: null, blockedSubApps: [], onlyFree: false };
/** What a control promises. */
const CONTROL_ACTS_WITHIN_MS = 5_000;

let database: TestDatabase;
let ledger: Ledger;
beforeAll(async () => {
  database = await createTestDatabase('feeding');
  await migrateLedger(database.url);
  ledger = openLedger(database.url);
});
afterAll(async () => {
  await ledger?.close();
  await database?.drop();
});

async function write(id: string, count: number, more: Partial<typeof SETTINGS> = {}): Promise<void> {
  const settings = { ...SETTINGS, concurrency: 10_000, ...more };
  const items = Array.from({ length: count }, (_, at) => newItem(id, at + 1));
  await ledger.batches.create(newBatch(id, { settings }), items);
}

/** Runs of a Temporal server that takes this long for each start. */
function slowRuns(startMs: number): EraseRuns & { started: number } {
  return {
    started: 0,
    async start() {
      this.started += 1;
      await sleep(startMs);
      return { kind: 'runs', runId: `run-${this.started}` };
    },
    look: async () => ({ kind: 'open', runId: 'run', batchId: null }),
    cancel: async () => undefined,
  };
}

const failed: RunSeen = {
  kind: 'ended',
  runId: 'run',
  batchId: null,
  closedAt: new Date().toISOString(),
  result: null,
  failure: { class: 'input', code: 'Some', message: 'No.', taskId: null, moneySpent: false, requestId: null },
};

describe('what a feeder saw', () => {
  it('is written down although one look of many fails, each time again', async () => {
    await write('look', 60);
    const claimed = await ledger.batchFeed.claim('look', ANY);
    await ledger.batchFeed.confirm(
      'look',
      claimed.map(({ number }) => ({ number, runId: 'run' })),
    );
    const runs = slowRuns(0);
    runs.look = async (workflowId) => {
      await sleep(5);
      if (workflowId === claimed[20]?.workflowId) throw new Error('The server is overloaded.');
      return failed;
    };
    const items = claimed.map((item) => ({ ...item, runId: 'run', cancelAsked: false }));
    const look = () => settleFinishedRuns({ feed: ledger.batchFeed, runs }, 'look', items);
    await expect(look()).rejects.toThrow('overloaded');
    const counts = await ledger.batches.counts('look');
    expect(counts?.failed).toBeGreaterThanOrEqual(20);
    expect(counts?.running).toBeGreaterThan(0);
    runs.look = async () => failed;
    await look();
    expect(await ledger.batches.counts('look')).toMatchObject({ failed: 60, running: 0 });
  });
});

describe('a run that ended, and whose id has a later one of another batch', () => {
  const cancelled = (batchId: string): RunSeen => ({
    ...failed,
    runId: 'first',
    batchId,
    failure: {
      class: 'cancelled',
      code: 'Cancelled',
      message: 'No.',
      taskId: null,
      moneySpent: false,
      requestId: null,
    },
  });
  const seenBy = async (id: string, first: RunSeen) => {
    await write(id, 1);
    const [claimed] = await ledger.batchFeed.claim(id, ANY);
    if (claimed === undefined) throw new Error('nothing was claimed');
    await ledger.batchFeed.confirm(id, [{ number: claimed.number, runId: 'first' }]);
    const runs = slowRuns(0);
    runs.look = async (_, runId) => (runId === 'first' ? first : { kind: 'open', runId: 'second', batchId: 'another' });
    await settleFinishedRuns({ feed: ledger.batchFeed, runs }, id, [
      { ...claimed, runId: 'first', cancelAsked: false },
    ]);
    return await ledger.batches.counts(id);
  };

  it('is the end of its item, where it was that batch’s own', async () => {
    expect(await seenBy('own', cancelled('own'))).toMatchObject({ cancelled: 1, running: 0 });
  });

  it('leaves its item to be started anew, where that only waited for it', async () => {
    expect(await seenBy('waited', cancelled('third'))).toMatchObject({ pending: 1, running: 0 });
  });
});

describe('starts on a slow server', () => {
  it('that find no time go back, and nothing is started twice', async () => {
    await write('slow', 400);
    const runs = slowRuns(50);
    const claimed = await ledger.batchFeed.claim('slow', ANY);
    const start = (items: typeof claimed, untilMs: number) =>
      startItems({ feed: ledger.batchFeed, runs }, 'slow', items, untilMs);
    const { tried } = await start(claimed, performance.now() + 200);
    expect(tried).toBe(runs.started);
    expect(tried).toBeLessThan(400);
    expect(await ledger.batches.counts('slow')).toMatchObject({ running: tried, pending: 400 - tried, total: 400 });
    const rest = await ledger.batchFeed.claim('slow', ANY);
    expect(rest).toHaveLength(400 - tried);
    // Even one whose time is over already goes on: else nothing would ever be started.
    expect((await start(rest, 0)).tried).toBeGreaterThan(0);
  });

  it('keep no control waiting, nor the counts', async () => {
    await write('control', 1_200);
    const feedBatch = createFeedBatch({
      ledger,
      feeder: {
        runs: slowRuns(2_500),
        timings: { ...FEEDER_TIMINGS, submitsPerSecond: 500, oldestTaskMs: 3_600_000 },
        stopping: new AbortController().signal,
      },
    });
    const round = new MockActivityEnvironment().run(feedBatch, { batchId: 'control' });
    await sleep(1_000);
    const askedMs = performance.now();
    await ledger.batches.change('control', { action: 'pause', by: 'tester', reason: 'to see' });
    const { snapshot } = (await round) as Awaited<ReturnType<typeof feedBatch>>;
    expect(performance.now() - askedMs).toBeLessThan(CONTROL_ACTS_WITHIN_MS);
    expect(snapshot.state).toBe('paused');
    expect(snapshot.counts.pending).toBeGreaterThan(0);
  });
});

describe('items that Temporal does not let start', () => {
  it('count against the tolerance at once', async () => {
    await write('refused', 400, { tolerate: { count: 10 } });
    const runs = slowRuns(0);
    runs.start = async () => ({ kind: 'conflict', message: 'A run of this id does something else.' });
    const feedBatch = createFeedBatch({
      ledger,
      feeder: {
        runs,
        timings: { ...FEEDER_TIMINGS, submitsPerSecond: 20, oldestTaskMs: 3_600_000 },
        stopping: new AbortController().signal,
      },
    });
    // What a batch waits for is the end of a round.
    const end = await eventually('the end', async () => {
      const round = new MockActivityEnvironment().run(feedBatch, { batchId: 'refused' });
      const { snapshot } = (await round) as Awaited<ReturnType<typeof feedBatch>>;
      return snapshot.state === 'ended' ? snapshot : undefined;
    });
    expect(end.endedAs).toBe('failed');
    // As many as one tick starts, and no more.
    expect(end.counts.failed).toBeLessThanOrEqual(FIRST_QUEUED);
    expect(end.counts.failed + end.counts.skipped).toBe(400);
  });
});

describe('a batch of which one sub-application cannot pay', () => {
  const OTHER = 1500000002;

  it('says why it starts nothing while only something of another still runs', async () => {
    const items = Array.from({ length: 4 }, (_, at) => newItem('parted', at + 1, at === 0 ? { subAppId: OTHER } : {}));
    await ledger.batches.create(newBatch('parted', { settings: SETTINGS }), items);
    const [running] = await ledger.batchFeed.claim('parted', { ...ANY, limit: 1 });
    await ledger.batchFeed.confirm('parted', [{ number: running?.number ?? 0, runId: 'run' }]);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(`insert into breaker (scope, error_class, error_code, error_message, opened_at, workflow_id)
      values ('sub-app/1500000001', 'account', 'UnauthorizedOperation', 'No.', now(), 'erase/1')`);
    try {
      const runs = slowRuns(0);
      const feedBatch = createFeedBatch({
        ledger,
        feeder: {
          runs,
          timings: { ...FEEDER_TIMINGS, submitsPerSecond: 20, oldestTaskMs: 3_600_000 },
          stopping: new AbortController().signal,
        },
      });
      const round = new MockActivityEnvironment().run(feedBatch, { batchId: 'parted' });
      const { snapshot } = (await round) as Awaited<ReturnType<typeof feedBatch>>;
      expect(snapshot).toMatchObject({
        waitingFor: 'breaker',
        waitingDetail: 'All items that are left are of the sub-application 1500000001, whose breaker is open.',
        counts: { running: 1, pending: 3 },
      });
      expect(runs.started).toBe(0);
    } finally {
      await client.query('delete from breaker');
      await client.end();
    }
  });
});

describe('the time from one tick to the next', () => {
  it('is short while a batch is young, and never longer than asked for', () => {
    expect(tickMsAt(0, FEEDER_TIMINGS)).toBe(200);
    expect(tickMsAt(30_000, FEEDER_TIMINGS)).toBe(FEEDER_TIMINGS.tickMs);
    expect(tickMsAt(0, { tickMs: 50 })).toBe(50);
  });
});

describe('a small batch', () => {
  it('waits for its submits alone, and not for the first of its tasks to end', async () => {
    const FILES = 100;
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    // Running batches share the queue, so those of other tests are stopped.
    await client.query(`update batch set state = 'paused' where state = 'running'`);
    await write('small', FILES);
    const runs = slowRuns(0);
    const stopping = new AbortController();
    const feedBatch = createFeedBatch({
      ledger,
      feeder: {
        runs,
        timings: { ...FEEDER_TIMINGS, submitsPerSecond: 20, oldestTaskMs: 3_600_000 },
        stopping: stopping.signal,
      },
    });
    const round = new MockActivityEnvironment().run(feedBatch, { batchId: 'small' });
    await eventually('the first', () => runs.started >= FIRST_QUEUED || undefined);
    expect(runs.started).toBe(FIRST_QUEUED);
    const submitted = `update batch_item set submitted_at = now() where batch_id = 'small' and run_id is not null and submitted_at is null`;
    // A run is noted in the ledger a moment after its start.
    let noted = 0;
    await eventually('the first in the ledger', async () => {
      noted += (await client.query(submitted)).rowCount ?? 0;
      return noted >= FIRST_QUEUED || undefined;
    });
    await client.end();
    await eventually('all others', () => runs.started === FILES || undefined);
    stopping.abort();
    await round;
  });
});

describe('the queue of what waits to be submitted', () => {
  it('is as long as this machine keeps up with', () => {
    expect(nextQueued(240, { before: 240, left: 20 })).toBe(480);
    expect(nextQueued(240, { before: 240, left: 150 })).toBe(240);
    expect(nextQueued(240, { before: 240, left: 235 })).toBe(120);
    expect(nextQueued(FIRST_QUEUED, { before: FIRST_QUEUED, left: FIRST_QUEUED })).toBe(FIRST_QUEUED);
    // A queue that was not full says nothing of what a full one would do.
    expect(nextQueued(240, { before: 100, left: 0 })).toBe(240);
  });

  it('does not grow while nothing is submitted, however high the rate is set', async () => {
    await write('stuck', 1_000);
    const runs = slowRuns(0);
    const stopping = new AbortController();
    const feedBatch = createFeedBatch({
      ledger,
      feeder: {
        runs,
        timings: { ...FEEDER_TIMINGS, tickMs: 50, submitsPerSecond: 500, oldestTaskMs: 3_600_000 },
        stopping: stopping.signal,
      },
    });
    const round = new MockActivityEnvironment().run(feedBatch, { batchId: 'stuck' });
    await eventually('the queue to be full', () => runs.started >= FIRST_QUEUED || undefined);
    const atMs = performance.now();
    await eventually('more ticks', () => performance.now() - atMs > 1_000 || undefined);
    stopping.abort();
    await round;
    expect(runs.started).toBe(FIRST_QUEUED);
  });
});

describe('a batch that was written under another prefix', () => {
  it('is not fed: its items would go by other ids than their runs, and nothing of what they cost would be seen', async () => {
    await write('elsewhere', 5);
    const runs = slowRuns(0);
    const feedBatch = createFeedBatch({
      ledger,
      feeder: {
        runs,
        timings: { ...FEEDER_TIMINGS, submitsPerSecond: 20, oldestTaskMs: 3_600_000 },
        stopping: new AbortController().signal,
      },
    });
    const elsewhere = new MockActivityEnvironment({ taskQueue: 'media-smart-erase' });
    await expect(elsewhere.run(feedBatch, { batchId: 'elsewhere' })).rejects.toMatchObject({
      nonRetryable: true,
      message: expect.stringContaining('SMART_ERASE_PREFIX'),
    });
    expect(runs.started).toBe(0);
    expect((await ledger.batches.counts('elsewhere'))?.pending).toBe(5);
  });
});

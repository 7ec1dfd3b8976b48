import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeOf } from '../../src/ledger/batches/batch-change.js';
import type { BatchAction, BatchRecord, NewBatch, NewBatchItem } from '../../src/ledger/batches/batch-store.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { BatchState } from '../../src/ledger/db/schema.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { SETTINGS } from '../support/batch.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let database: TestDatabase;
let ledger: Ledger;
beforeAll(async () => {
  database = await createTestDatabase('batches');
  await migrateLedger(database.url);
  ledger = openLedger(database.url);
});
afterAll(async () => {
  await ledger?.close();
  await database?.drop();
});

const newBatch = (id: string): NewBatch => ({
  id,
  settings: SETTINGS,
  source: { kind: 'csv', name: 'list.csv', sha256: null, rows: 3 },
  estimatedUsd: 3,
  parent: null,
  requestedBy: 'tester',
  reason: 'to see',
});

const newItems = (count: number): NewBatchItem[] =>
  Array.from({ length: count }, (_, at) => ({
    number: at + 1,
    row: at + 2,
    subAppId: 1500000001,
    fileId: String(5285000000000000000n + BigInt(at)),
    recipeHash: 'a'.repeat(32),
    workflowId: `erase/${at}`,
    request: { fileId: String(5285000000000000000n + BigInt(at)) },
    estimatedUsd: 1,
  }));

const ANY = { limit: 100, roomUsd: null, blockedSubApps: [], onlyFree: false };
const numbers = (rows: readonly { number: number }[]) => rows.map(({ number }) => number);

describe('the ledger', () => {
  it('writes a batch whole, once', async () => {
    expect(await ledger.batches.create(newBatch('once'), newItems(3))).toBe(true);
    expect(await ledger.batches.create(newBatch('once'), newItems(5))).toBe(false);
    expect(await ledger.batches.find('once')).toMatchObject({ total: 3, state: 'running', workflowId: 'batch/once' });
    expect(await ledger.batches.counts('once')).toMatchObject({ pending: 3, total: 3 });
    expect(await ledger.batches.counts('nobody')).toBeNull();
  });

  it('writes nothing of a batch in which an item cannot be', async () => {
    const [first] = newItems(1);
    const twice = [first, first].filter((item) => item !== undefined);
    await expect(ledger.batches.create(newBatch('broken'), twice)).rejects.toThrow(/write a batch/);
    expect(await ledger.batches.find('broken')).toBeNull();
  });

  it('claims items in order, within the room for money, and not those of a blocked sub-application', async () => {
    await ledger.batches.create(newBatch('claim'), newItems(6));
    const { batchFeed: feed } = ledger;
    const claimed = await feed.claim('claim', { ...ANY, limit: 2 });
    expect(numbers(claimed)).toEqual([1, 2]);
    expect(numbers(await feed.claim('claim', { ...ANY, roomUsd: 1.5 }))).toEqual([3]);
    expect(await feed.claim('claim', { ...ANY, blockedSubApps: [1500000001] })).toEqual([]);
    await feed.confirm('claim', [{ number: 1, runId: 'run' }]);
    await feed.releaseClaim('claim', claimed);
    expect(await ledger.batches.counts('claim')).toMatchObject({ pending: 4, running: 2 });
    // A dispatcher that was taken for dead releases an item that another has claimed since.
    expect(numbers(await feed.claim('claim', { ...ANY, limit: 1 }))).toEqual([2]);
    await feed.releaseClaim('claim', claimed);
    expect(await ledger.batches.counts('claim')).toMatchObject({ pending: 3, running: 3 });
  });

  it('claims nothing of a batch that was paused meanwhile', async () => {
    await ledger.batches.create(newBatch('paused'), newItems(2));
    await ledger.batches.change('paused', { action: 'pause', by: 'tester', reason: 'to see' });
    expect(await ledger.batchFeed.claim('paused', ANY)).toEqual([]);
  });

  it('settles an item once, and ends a batch only when all are settled', async () => {
    await ledger.batches.create(newBatch('settle'), newItems(2));
    const { batchFeed: feed } = ledger;
    await feed.claim('settle', ANY);
    const end = {
      runId: 'run',
      endedAt: null,
      taskId: 'task',
      resultFileId: null,
      errorClass: 'taskFailed',
      errorCode: 'X',
      errorMessage: 'm',
      requestId: 'r',
    };
    expect(await feed.settle('settle', [{ number: 1, state: 'failed', ...end }])).toBe(1);
    expect(await feed.settle('settle', [{ number: 1, state: 'cancelled', ...end }])).toBe(0);
    expect(await feed.end('settle', 'completed')).toBe(false);
    await feed.settle('settle', [{ number: 2, state: 'timedOut', ...end }]);
    expect(await feed.end('settle', 'completed')).toBe(true);
    expect(await feed.end('settle', 'cancelled')).toBe(false);
    const snapshot = await ledger.batches.snapshot('settle');
    expect(snapshot).toMatchObject({
      state: 'ended',
      endedAs: 'completed',
      counts: { failed: 1, timedOut: 1, total: 2 },
    });
  });

  it('looks again at what was claimed and never confirmed, once its feeder must be gone', async () => {
    await ledger.batches.create(newBatch('unconfirmed'), newItems(1));
    const { batchFeed: feed } = ledger;
    await feed.claim('unconfirmed', ANY);
    expect(await feed.dueForLook('unconfirmed', { due: 10, sweep: 10 })).toEqual([]);
    await feed.confirm('unconfirmed', [{ number: 1, runId: 'run' }]);
    await feed.looked('unconfirmed', [{ number: 1, runId: 'run' }]);
    expect(await feed.dueForLook('unconfirmed', { due: 10, sweep: 10 })).toEqual([]);
    expect(await feed.facts('unconfirmed')).toMatchObject({ running: 1, unsubmitted: 1, hasPending: false });
  });

  it('tells what is free apart from what costs, and claims it alone where nothing can be paid', async () => {
    // A price of nothing is none that may not pay: a price list may have zeros.
    const items = newItems(4).map((item) => ({
      ...item,
      mayPay: item.number % 2 !== 0,
      estimatedUsd: item.number % 2 === 0 ? 0 : item.number,
    }));
    const source = { kind: 'batch' as const, name: 'first', sha256: null, rows: 4 };
    await ledger.batches.create({ ...newBatch('free'), source }, items);
    const { batchFeed: feed } = ledger;
    expect(await feed.facts('free')).toMatchObject({ hasPending: true, hasPendingFree: true, nextUsd: 1 });
    expect(numbers(await feed.claim('free', { ...ANY, onlyFree: true }))).toEqual([2, 4]);
    expect(await feed.facts('free')).toMatchObject({ hasPending: true, hasPendingFree: false, nextUsd: 1 });
    await feed.claim('free', ANY);
    expect(await feed.facts('free')).toMatchObject({ hasPending: false, hasPendingFree: false, nextUsd: 0 });
  });

  it('has pages of items', async () => {
    await ledger.batches.create(newBatch('pages'), newItems(5));
    expect(numbers(await ledger.batches.items('pages', { limit: 2 }))).toEqual([1, 2]);
    expect(numbers(await ledger.batches.items('pages', { limit: 2, afterNumber: 4 }))).toEqual([5]);
    expect(await ledger.batches.items('pages', { limit: 2, states: ['failed'] })).toEqual([]);
  });
});

describe('an operator', () => {
  const record = (state: BatchState, fields: Partial<BatchRecord> = {}) =>
    ({
      state,
      settings: { ...SETTINGS, sampleSize: 5 },
      waitingFor: null,
      samplePassedAt: null,
      ...fields,
    }) as BatchRecord;

  it.each<[BatchState, BatchAction, BatchState | 'same' | 'tooLate']>([
    ['running', 'pause', 'paused'],
    ['paused', 'pause', 'same'],
    ['paused', 'resume', 'running'],
    ['running', 'resume', 'same'],
    ['draining', 'resume', 'running'],
    ['paused', 'drain', 'draining'],
    ['draining', 'cancel', 'cancelling'],
    ['cancelling', 'cancel', 'same'],
    ['cancelling', 'resume', 'tooLate'],
    ['ended', 'cancel', 'tooLate'],
    ['ended', 'set', 'tooLate'],
    ['running', 'go', 'running'],
  ])('%s, %s: %s', (state, action, after) => {
    const changed = changeOf(record(state), { action, by: 'tester', reason: 'to see' });
    expect(typeof changed === 'string' ? changed : changed.state).toBe(after);
  });

  it('changes some settings and leaves the others', () => {
    const changed = changeOf(record('running'), { action: 'set', by: null, reason: null, settings: { maxCostUsd: 7 } });
    expect(changed).toMatchObject({ settings: { ...SETTINGS, sampleSize: 5, maxCostUsd: 7 } });
    expect(changeOf(record('running'), { action: 'set', by: null, reason: null, settings: {} })).toBe('same');
  });

  it('lets the others go once, where there is a sample', () => {
    expect(
      changeOf(record('running', { waitingFor: 'sample' }), { action: 'go', by: null, reason: null }),
    ).toMatchObject({
      samplePassed: true,
      waitingFor: null,
    });
    expect(changeOf(record('running', { samplePassedAt: new Date() }), { action: 'go', by: null, reason: null })).toBe(
      'same',
    );
  });
});

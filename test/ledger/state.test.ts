import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { createTestDatabase, runStatement, type TestDatabase } from '../support/postgres.js';

const MEMORY_SECONDS = 72 * 3_600;

let database: TestDatabase;
let ledger: Ledger;
beforeAll(async () => {
  database = await createTestDatabase('state');
  await migrateLedger(database.url);
  ledger = openLedger(database.url);
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});

const run = (statement: string) => runStatement(database.url, statement);

/** A submission of an erase of its own; `columns` on top of what every row needs. */
async function submission(columns: Record<string, string>): Promise<void> {
  const all = {
    namespace: `'default'`,
    number: '1',
    arms: '1',
    intent_at: 'clock_timestamp()',
    place_at: 'clock_timestamp()',
    workflow_id: `'w'`,
    run_id: `'r'`,
    ...columns,
  };
  await run(`with one as (
      insert into erase (sub_app_id, file_id, recipe_hash, pay_token, recipe)
      values (1, gen_random_uuid()::text, 'h', '', '{}') returning id)
    insert into submission (erase_id, ${Object.keys(all).join(', ')}) select id, ${Object.values(all).join(', ')} from one`);
}

describe('the state of the books', () => {
  it('is all zeros in an empty ledger', async () => {
    const { asOf, ...state } = await ledger.state.read(MEMORY_SECONDS);
    expect(Math.abs(asOf.getTime() - Date.now())).toBeLessThan(60_000);
    expect(state).toEqual({
      breakers: [],
      holds: [],
      sending: { count: 0, oldestSeconds: 0 },
      unread: { count: 0, oldestSeconds: 0 },
      latePhases: [],
      forgotten: 0,
      outcomes: [],
      spentUsd: { day: 0, total: 0 },
      caps: [],
      watchAgeSeconds: 0,
      throttledSeconds: 0,
      batches: [],
      batchItems: [],
    });
  });

  it('tells what is open, how old the oldest is, and what the vendor has forgotten', async () => {
    await submission({ state: `'sending'`, place_at: `clock_timestamp() - interval '100 s'` });
    await submission({ state: `'sending'`, place_at: `clock_timestamp() + interval '9 s'` });
    for (const [task, hours] of [
      ['a', 1],
      ['b', 70],
      ['c', 73],
    ] as const)
      await submission({
        state: `'accepted'`,
        task_id: `'${task}'`,
        place_at: `clock_timestamp() - interval '${hours} h'`,
      });
    const ended = { state: `'accepted'`, place_at: `clock_timestamp() - interval '90 h'` };
    await submission({ ...ended, task_id: `'d'`, outcome: `'succeeded'` });
    await submission({ ...ended, task_id: `'e'`, outcome: `'succeeded'` });
    await submission({ ...ended, task_id: `'f'`, outcome: `'failed'` });

    const state = await ledger.state.read(MEMORY_SECONDS);
    expect(state.sending.count).toBe(2);
    expect(state.sending.oldestSeconds).toBeGreaterThanOrEqual(100);
    expect(state.sending.oldestSeconds).toBeLessThan(400);
    expect(state.unread.count).toBe(2);
    expect(state.unread.oldestSeconds).toBeGreaterThanOrEqual(70 * 3_600);
    expect(state.unread.oldestSeconds).toBeLessThan(71 * 3_600);
    expect(state.forgotten).toBe(1);
    expect(state.outcomes.toSorted((a, b) => a.outcome.localeCompare(b.outcome))).toEqual([
      { outcome: 'failed', count: 1 },
      { outcome: 'succeeded', count: 2 },
    ]);
  });

  it('counts breakers and holds, by what they cover and why', async () => {
    const columns = 'scope, error_class, error_code, error_message, opened_at, workflow_id';
    for (const scope of ['account', 'sub-app/1', 'sub-app/2'])
      await run(`insert into breaker (${columns}) values ('${scope}', 'account', 'c', 'm', now(), 'w')`);
    for (const [id, errorClass, ended] of [
      ['1', 'account', 'null'],
      ['2', 'account', 'null'],
      ['3', 'cap', 'null'],
      ['4', 'cap', 'now()'],
    ])
      await run(`insert into hold (namespace, workflow_id, run_id, sub_app_id, file_id, stage, error_class, message, ended_at, since)
        values ('default', '${id}', 'r', 1, 'f', 'submit', '${errorClass}', 'm', ${ended}, now() - interval '50 s')`);

    const { breakers, holds } = await ledger.state.read(MEMORY_SECONDS);
    expect(breakers).toHaveLength(2);
    expect(breakers).toEqual(
      expect.arrayContaining([
        { scope: 'account', count: 1 },
        { scope: 'sub-app', count: 2 },
      ]),
    );
    expect(holds.toSorted((a, b) => a.class.localeCompare(b.class))).toEqual([
      { class: 'account', count: 2, oldestSeconds: expect.any(Number) },
      { class: 'cap', count: 1, oldestSeconds: expect.any(Number) },
    ]);
    expect(Math.min(...holds.map((each) => each.oldestSeconds))).toBeGreaterThanOrEqual(50);
  });

  it('gives for each kind of cap the one that is used up most, and forgets yesterday', async () => {
    for (const [scope, period, limit, spent, day] of [
      ['all', 'day', '100', '40', 'current_date'],
      ['all', 'total', 'null', '400.5', 'current_date'],
      ['sub-app/1', 'total', '10', '2', 'current_date'],
      ['sub-app/2', 'total', '1000', '900', 'current_date'],
      ['sub-app/1', 'day', '10', '9', 'current_date - 1'],
      ['sub-app/2', 'day', '0', '0', 'current_date - 1'],
    ])
      await run(`insert into cap (scope, period, limit_usd, spent_usd, day)
        values ('${scope}', '${period}', ${limit}, ${spent}, (clock_timestamp() at time zone 'UTC')::date + (${day} - current_date))`);
    const { caps, spentUsd } = await ledger.state.read(MEMORY_SECONDS);
    expect(spentUsd).toEqual({ day: 40, total: 400.5 });
    expect(caps).toEqual([
      { scope: 'all', period: 'day', limitUsd: 100, usedRatio: 0.4 },
      { scope: 'sub-app', period: 'day', limitUsd: 0, usedRatio: 1 },
      { scope: 'sub-app', period: 'total', limitUsd: 1000, usedRatio: 0.9 },
    ]);
  });

  it('tells how long ago the watch of a sub-application saw all, only where somebody waits', async () => {
    await run(
      `insert into watch (namespace, sub_app_id, good_at)
        values ('default', 1, now() - interval '30 s'), ('default', 2, now() - interval '1 d')`,
    );
    await run(
      `insert into waiter (namespace, task_id, workflow_id, run_id, sub_app_id) values ('default', 't', 'w', 'r', 1)`,
    );
    const { watchAgeSeconds } = await ledger.state.read(MEMORY_SECONDS);
    expect(watchAgeSeconds).toBeGreaterThanOrEqual(30);
    expect(watchAgeSeconds).toBeLessThan(3_600);
  });

  it('counts the items of batches that have not ended', async () => {
    for (const [id, state, endedAs] of [
      ['b1', 'running', null],
      ['b2', 'ended', 'completed'],
    ])
      await run(`insert into batch (namespace, id, workflow_id, state, ended_as, waiting_for, settings, source, total)
        values ('default', '${id}', '${id}', '${state}', ${endedAs === null ? 'null' : `'${endedAs}'`}, ${id === 'b1' ? "'cap'" : 'null'}, '{}', '{}', 2)`);
    for (const [batch, number, state] of [
      ['b1', 1, 'pending'],
      ['b1', 2, 'held'],
      ['b2', 1, 'succeeded'],
    ])
      await run(`insert into batch_item (batch_id, number, sub_app_id, file_id, recipe_hash, workflow_id, request, state)
        values ('${batch}', ${number}, 1, 'f', 'h', 'w${number}', '{}', '${state}')`);
    const { batches, batchItems } = await ledger.state.read(MEMORY_SECONDS);
    expect(batches).toEqual([{ state: 'running', waitingFor: 'cap', count: 1 }]);
    expect(batchItems.toSorted((a, b) => a.state.localeCompare(b.state))).toEqual([
      { state: 'held', count: 1 },
      { state: 'pending', count: 1 },
    ]);
  });
});

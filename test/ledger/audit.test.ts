import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditLine } from '../../src/ledger/audit/audit-report.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let database: TestDatabase;
let ledger: Ledger;
let sql: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase('audit');
  await migrateLedger(database.url);
  ledger = openLedger(database.url);
  sql = new pg.Client({ connectionString: database.url });
  await sql.connect();
});
afterAll(async () => {
  await sql.end();
  await ledger.close();
  await database.drop();
});

async function lines(filter: { since?: Date; until?: Date } = {}): Promise<AuditLine[]> {
  const all: AuditLine[] = [];
  for await (const line of ledger.audit.lines(filter)) all.push(line);
  return all;
}

describe('the audit', () => {
  it('gives every line once and in order, over any number of pages, also where many are of one moment', async () => {
    await sql.query(`
      insert into audit (at, action, subject, "by", reason)
      select timestamptz '2026-05-01 12:00:00.000001Z' + (n / 1200) * interval '1 microsecond', 'resume', 'run-' || n, 'ann', 'r'
      from generate_series(1, 2500) as n`);
    const subjects = (await lines()).map((line) => line.subject);
    expect(subjects).toEqual(Array.from({ length: 2_500 }, (_, at) => `run-${at + 1}`));
  });

  it('tells of every submit who asked for it, why it was paid again, and what it came to', async () => {
    await sql.query(`
      with one as (insert into erase (sub_app_id, file_id, recipe_hash, pay_token, pay_reason, recipe)
                   values (1500000001, '5285485487985271487', 'h', 't', 'bad result', '{"name":"subtitles"}') returning id)
      insert into submission (erase_id, number, state, arms, intent_at, place_at, task_id, workflow_id, run_id, requested_by,
                              cost_usd, cost_day)
      select id, 1, 'accepted', 1, '2026-06-01T10:00:00Z', '2026-06-01T10:00:00Z', 'task-1', 'erase/1', 'r1', 'shop', 0.5, '2026-06-01'
      from one`);
    expect(await lines({ since: new Date('2026-05-15') })).toEqual([
      {
        at: new Date('2026-06-01T10:00:00Z'),
        action: 'submit',
        subject: 'erase/1',
        by: 'shop',
        reason: 'bad result',
        details: expect.objectContaining({
          fileId: '5285485487985271487',
          taskId: 'task-1',
          state: 'accepted',
          estimatedUsd: 0.5,
          recipe: 'subtitles',
        }),
      },
    ]);
    expect(await lines({ since: new Date('2026-05-15'), until: new Date('2026-06-01T10:00:00Z') })).toEqual([]);
  });

  it('tells of a submit the reason that its request gave, or else who started its batch, and why', async () => {
    await sql.query(`
      insert into batch (id, workflow_id, settings, source, total, requested_by, reason)
      values ('spring', 'batch/spring', '{}', '{}', 2, 'ann', 'the new logo')`);
    await sql.query(`
      with files as (insert into erase (sub_app_id, file_id, recipe_hash, pay_token, recipe)
                     select 1500000001, n::text, 'h', '', '{"name":"logo"}' from generate_series(1, 3) as n returning id, file_id)
      insert into submission (erase_id, number, state, arms, intent_at, place_at, workflow_id, run_id, requested_by, reason, batch_id)
      select id, 1, 'sending', 1, '2026-07-01T10:00:00Z', '2026-07-01T10:00:00Z', 'erase/' || file_id, 'r1',
        case when file_id = '3' then null else 'shop' end, case when file_id = '3' then null else 'order 17' end,
        case when file_id = '1' then null else 'spring' end from files`);
    const found = await lines({ since: new Date('2026-07-01T00:00:00Z') });
    const submits = found
      .filter(({ action }) => action === 'submit')
      .map(({ subject, by, reason }) => [subject, by, reason]);
    expect(submits.sort()).toEqual([
      ['erase/1', 'shop', 'order 17'],
      ['erase/2', 'shop', 'order 17'],
      ['erase/3', 'ann', 'the new logo'],
    ]);
  });
});

import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { newBatch, newItem } from '../support/batches.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let database: TestDatabase;
let ledger: Ledger;
let client: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase('backing-off');
  await migrateLedger(database.url);
  ledger = openLedger(database.url);
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await ledger?.close();
  await database?.drop();
});

const ANSWERED = { state: 'refused', class: 'retry', code: 'ResourceInUse', request: 'r-1', arms: 1, ago: -1 };

it.each([
  ['a file that the vendor calls busy', ANSWERED, { backingOff: 1, backingOffCode: 'ResourceInUse', sentAgain: 0 }],
  ['one that was never busy', null, { backingOff: 0, sentAgain: 0 }],
  ['one that was busy before this batch started it', { ...ANSWERED, ago: 60 }, { backingOff: 0 }],
  ['one that is sent again', { ...ANSWERED, state: 'sending', class: null, arms: 2 }, { backingOff: 0, sentAgain: 1 }],
  ['one that is sent for the first time', { ...ANSWERED, state: 'sending', class: null }, { sentAgain: 0 }],
  ['one in doubt', { ...ANSWERED, state: 'sending', class: 'ambiguous', arms: 2 }, { backingOff: 0, sentAgain: 0 }],
  ['trouble of the network', { ...ANSWERED, code: 'ECONNREFUSED', request: null }, { backingOff: 0 }],
  ['the rate', { ...ANSWERED, class: 'throttled', code: 'RequestLimitExceeded' }, { backingOff: 0 }],
  ['a call that never left', { ...ANSWERED, class: 'cancelled', code: 'NeverSent', request: null }, { backingOff: 0 }],
] as const)('the ledger knows %s', async (name, submission, expected) => {
  const id = name.replaceAll(' ', '-');
  const item = newItem(id, 1, { payAgain: { token: id, reason: 'a test' } });
  await ledger.batches.create(newBatch(id), [item]);
  await ledger.batchFeed.claim(id, { limit: 1, roomUsd: null, blockedSubApps: [], onlyFree: false });
  await ledger.batchFeed.confirm(id, [{ number: 1, runId: 'run' }]);
  if (submission !== null) {
    const { state, class: errorClass, code, request, arms, ago } = submission;
    await client.query(
      `with made as (
         insert into erase (sub_app_id, file_id, recipe_hash, pay_token, recipe) values ($1, $2, $3, $4, '{}') returning id)
       insert into submission (erase_id, number, state, arms, intent_at, place_at, answered_at, error_class, error_code,
         request_id, workflow_id, run_id, batch_id)
       select id, 1, $5, $6, now(), now(), clock_timestamp() - make_interval(secs => $7), $8, $9, $10, $11, 'run', $12 from made`,
      [
        ...[item.subAppId, item.fileId, item.recipeHash, id, state, arms, ago, errorClass],
        ...[errorClass === null ? null : code, request, item.workflowId, id],
      ],
    );
  }
  expect(await ledger.batchFeed.facts(id)).toMatchObject({ unsubmitted: 1, ...expected });
});

import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBatchStaging } from '../../src/ledger/batches/postgres-batch-staging.js';
import { openDatabase } from '../../src/ledger/db/database.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import { fitParameters, jsonText } from '../../src/ledger/db/parameters.js';
import { openLedger } from '../../src/ledger/index.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

let database: TestDatabase;
let db: ReturnType<typeof openDatabase>;

beforeAll(async () => {
  database = await createTestDatabase('parameters');
  await migrateLedger(database.url);
  db = openDatabase(database.url, { maxConnections: 2 });
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

/** What must come out, worked out another way than the program does: code point by code point. */
const kept = (text: string) =>
  [...text].map((character) => (/^[\0\ud800-\udfff]$/.test(character) ? '\uFFFD' : character)).join('');

function keptJson(value: unknown): unknown {
  if (typeof value === 'string') return kept(value);
  if (Array.isArray(value)) return value.map(keptJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [kept(key), keptJson(item)]));
}

/** Any text, and often what is hard: NUL, halves of characters, and the texts of escapes. */
const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\0',
        '\ud83d',
        '\ude00',
        '😀',
        '\\',
        '\\\\',
        '\\u0000',
        '\\ud83d',
        'u0000',
        '"',
        "'",
        '{',
        '}',
        '\uFFFD',
      ),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      fc.string({ unit: 'binary' }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));
const anyJson = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    anyText,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(anyText, tie('json'), { maxKeys: 4 }),
  ),
})).json;

describe('what goes into PostgreSQL comes out equal but for NUL and halves of characters', () => {
  it('any text, by itself and in a list', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, fc.array(anyText, { maxLength: 5 }), async (text, list) => {
        const { rows } = await sql<{ text: string; list: string[] }>`
          select ${text}::text as text, ${list}::text[] as list`.execute(db);
        expect(rows[0]).toEqual({ text: kept(text), list: list.map(kept) });
      }),
      { numRuns: 400 },
    );
  });

  it('any JSON, keys too', async () => {
    await fc.assert(
      fc.asyncProperty(anyJson, async (value) => {
        const { rows } = await sql<{ json: unknown }>`select ${jsonText(value)}::jsonb as json`.execute(db);
        expect(rows[0]?.json).toEqual(keptJson(value));
      }),
      { numRuns: 400 },
    );
  });

  it('a list of JSON, as a backlog is sent', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyJson, { minLength: 1, maxLength: 4 }), async (values) => {
        const { rows } = await sql<{ json: unknown }>`
          select json from unnest(${values.map(jsonText)}::jsonb[]) as sent(json)`.execute(db);
        expect(rows.map(({ json }) => json)).toEqual(values.map(keptJson));
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['the text of an escape', 'a\\u0000b'],
    ['JSON as a text', '{"note":"a\\u0000b\\ud83d"}'],
    ['an escaped backslash before it', 'a\\\\u0000b'],
    ['a character of two halves', 'a😀b'],
  ])('%s is left as it is, in a text and in JSON', async (_name, text) => {
    const { rows } = await sql<{ text: string; json: unknown }>`
      select ${text}::text as text, ${jsonText({ [text]: text })}::jsonb as json`.execute(db);
    expect(rows[0]).toEqual({ text, json: { [text]: text } });
  });
});

describe('parameters', () => {
  it('are not copied where nothing has to change', () => {
    const values = ['a', 1, null, ['b', null], new Date(0)];
    expect(fitParameters(values)).toBe(values);
    expect(fitParameters(['a', ['\0']])).toEqual(['a', ['\uFFFD']]);
  });

  it('are JSON of one function only: any other JSON.stringify could hold what `jsonb` refuses', () => {
    const folder = new URL('../../src/ledger/', import.meta.url);
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const others = files.filter(
      (name) => name !== 'db/parameters.ts' && readFileSync(new URL(name, folder), 'utf8').includes('JSON.stringify('),
    );
    expect(others).toEqual([]);
  });
});

describe('the ledger keeps', () => {
  it('an audit entry and a hold with NUL and half of a character', async () => {
    const ledger = openLedger(database.url);
    try {
      const details = { runId: 'r', note: 'a\0b\ud83d', '\0key': [{ 'k\ude00': '\0' }] };
      const entry = { action: 'a\0', subject: 'subject', by: 'ann\0', reason: 'why\ud83d', details, once: true };
      await ledger.audit.write(entry);
      // The second finds the first by the stored value.
      await ledger.audit.write(entry);
      const { rows } = await sql`select action, by, reason, details from audit where subject = 'subject'`.execute(db);
      expect(rows).toEqual([{ action: 'a\uFFFD', by: 'ann\uFFFD', reason: 'why\uFFFD', details: keptJson(details) }]);
      const run = { workflowId: 'w', runId: 'r' };
      const hold = { ...run, subAppId: 1, fileId: '1', batchId: null, stage: 'submit' as const, class: 'account' };
      await ledger.holds.record({ ...hold, code: 'c\0', message: 'm\0', requestId: 'id\0', submission: null });
      await ledger.holds.end(run, { as: 'abort', by: 'b\0', reason: 'r\0' });
      const held = await sql`select error_code, message, request_id, ended_by, ended_reason from hold`.execute(db);
      expect(held.rows).toEqual([
        {
          error_code: 'c\uFFFD',
          message: 'm\uFFFD',
          request_id: 'id\uFFFD',
          ended_by: 'b\uFFFD',
          ended_reason: 'r\uFFFD',
        },
      ]);
    } finally {
      await ledger.close();
    }
  });

  it('a bad row of a backlog as it was written, cut and fit', async () => {
    const staging = await openBatchStaging(database.url);
    try {
      await staging.addProblems([{ row: 1, fileId: 'x\0', problem: `${'😀'.repeat(999)}x😀😀` }]);
      await staging.loaded();
      const pages = [];
      for await (const page of staging.problems(10)) pages.push(...page);
      expect(pages).toEqual([{ row: 1, fileId: 'x\uFFFD', problem: `${'😀'.repeat(999)}x\uFFFD` }]);
    } finally {
      await staging.close();
    }
  });
});

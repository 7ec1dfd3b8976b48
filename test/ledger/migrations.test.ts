import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Kysely, Migrator, PostgresDialect } from 'kysely';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AuditLine } from '../../src/ledger/audit/audit-report.js';
import { toLedgerError } from '../../src/ledger/db/ledger-error.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import { MIGRATIONS } from '../../src/ledger/db/migrations/index.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { intentOf } from '../support/intent.js';
import { createTestDatabase } from '../support/postgres.js';

const NAMES = Object.keys(MIGRATIONS);
const WRITTEN_AT = '2026-01-02T03:04:05.000Z';

/** What a ledger of that version holds, written as programs of that version wrote it. Never changed once released. */
const rowsOf = (name: string) => fileURLToPath(new URL(`./versions/${name}.sql`, import.meta.url));

/** A ledger that lived through every version up to `last`, and got its rows in each of them. */
async function ledgerOf(last: string, more?: (pool: pg.Pool) => Promise<void>): Promise<string> {
  const database = await createTestDatabase(`migrations_${last.slice(0, 4)}`);
  onTestFinished(() => database.drop());
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    for (const name of NAMES.slice(0, NAMES.indexOf(last) + 1)) {
      const upToHere = Object.fromEntries(
        Object.entries(MIGRATIONS).filter(([each]) => NAMES.indexOf(each) <= NAMES.indexOf(name)),
      );
      const migrator = new Migrator({
        db,
        provider: { getMigrations: async () => upToHere },
        migrationTableName: 'ledger_migration',
        migrationLockTableName: 'ledger_migration_lock',
      });
      const { error } = await migrator.migrateToLatest();
      if (error !== undefined) throw error;
      await pool.query(readFileSync(rowsOf(name), 'utf8'));
    }
    await more?.(pool);
  } finally {
    await db.destroy();
  }
  return database.url;
}

async function auditOf(ledger: Ledger): Promise<AuditLine[]> {
  const lines: AuditLine[] = [];
  for await (const line of ledger.audit.lines({ since: new Date('2026-01-01T00:00:00Z') })) lines.push(line);
  return lines;
}

/** What must be true of rows that came with a version, once the ledger is of this program's. */
const STANDS: Record<string, (ledger: Ledger) => Promise<void>> = {
  '0001-books': async (ledger) => {
    expect(await ledger.submissions.findByTask('task-done')).toMatchObject({
      state: 'accepted',
      outcome: 'succeeded',
      resultFileId: 'new-file',
      requestId: 'request-1',
    });
    const asked = { lookedFor: null, costUsd: 0.1 };
    const kinds = await Promise.all(
      ['done', 'running', 'doubt'].map(
        async (fileId) => (await ledger.submissions.begin(intentOf(fileId, asked))).kind,
      ),
    );
    // Nothing that was paid for, or may have been, is paid for again.
    expect(kinds).toEqual(['done', 'running', 'look']);
    const refused = await ledger.submissions.begin(intentOf('refused', asked));
    expect(refused).toMatchObject({ kind: 'send', submission: { number: 1, attempt: 2 } });
  },
  '0002-breaker-and-holds': async (ledger) => {
    expect(await ledger.breakers.findOpen(2)).toMatchObject({
      scope: 'sub-app/2',
      code: 'FailedOperation.InvalidVodUser',
    });
    expect(await ledger.breakers.findOpen(1)).toBeNull();
    expect(await ledger.holds.list()).toEqual([
      expect.objectContaining({ workflowId: 'erase/held', class: 'uncertain', since: new Date(WRITTEN_AT) }),
    ]);
    expect(await auditOf(ledger)).toContainEqual(
      expect.objectContaining({ action: 'resume', subject: 'sub-app/2', by: 'ann', reason: 'topped up' }),
    );
  },
  '0003-costs-and-caps': async (ledger) => {
    expect(await ledger.submissions.findByTask('task-priced')).toMatchObject({ state: 'accepted', outcome: null });
    const [cap] = await ledger.caps.list();
    expect(cap).toMatchObject({ scope: 'all', period: 'total', limitUsd: 100 });
    expect(cap?.spentUsd).toBeGreaterThanOrEqual(1.25);
    expect(await ledger.costs.report({ by: 'day' })).toContainEqual(
      expect.objectContaining({ group: '2026-01-02', usd: 1.25 }),
    );
  },
  '0004-watch': async (ledger) => {
    // Two tasks have no outcome; a run waits for one of them.
    expect(await ledger.watch.waitingInAll()).toBe(2);
    expect(await ledger.watch.markOver(['task-running', 'task-priced'], { notifiedMs: 0, unownedMs: 0 })).toEqual([
      expect.objectContaining({ taskId: 'task-running', workflowId: 'erase/running', runId: 'run-1' }),
    ]);
    expect((await ledger.watch.state(1)).listedUntil).toEqual(new Date('2026-01-02T03:00:00Z'));
  },
  '0005-pace': async (ledger) => {
    // Its table is dropped by 0014.
    expect((await ledger.state.read(259_200)).throttledSeconds).toBeGreaterThanOrEqual(0);
  },
  '0006-batches': async (ledger) => {
    expect(await ledger.batches.snapshot('library')).toMatchObject({
      state: 'paused',
      counts: { total: 2, succeeded: 1, pending: 1 },
    });
    expect((await ledger.media.find(1, ['item-1'])).get('item-1')).toMatchObject({ durationSeconds: 12.5 });
  },
  '0007-monitoring': async (ledger) => {
    expect((await ledger.state.read(259_200)).sending.count).toBeGreaterThanOrEqual(1);
  },
  '0008-run-phases': async (ledger) => {
    expect((await ledger.state.read(259_200)).latePhases).toEqual([{ phase: 'publishing', count: 1 }]);
  },
  '0009-reasons': async (ledger) => {
    const submits = (await auditOf(ledger)).filter(({ action }) => action === 'submit');
    const reasonOf = (workflowId: string) => submits.find(({ subject }) => subject === workflowId)?.reason;
    expect(reasonOf('erase/reasoned')).toBe('asked for by sales');
    // From before it was kept.
    expect(reasonOf('erase/done')).toBeNull();
  },
  '0010-distances': async (ledger) => {
    expect(await ledger.submissions.begin(intentOf('far', { lookedFor: null, costUsd: 0.1 }))).toMatchObject({
      kind: 'send',
    });
  },
  '0011-crossings': async (ledger) => {
    expect(await ledger.submissions.findByTask('task-rejected')).toMatchObject({
      outcome: 'succeeded',
      resultFileId: 'new-rejected',
    });
  },
  '0012-breakers': async (ledger) => {
    const open = await ledger.breakers.findOpen(12);
    expect(open).toMatchObject({ code: 'UnauthorizedOperation', openedAt: new Date('2026-01-02T03:04:05.678Z') });
    if (open === null) return;
    await ledger.breakers.close(open, { by: 'ann', reason: 'policy corrected' });
    expect(await ledger.breakers.findOpen(12)).toBeNull();
  },
  '0013-backlogs': async (ledger) => {
    // Its tables are dropped by the next one that takes a backlog in: test/ledger/batch-staging.test.ts.
    expect((await ledger.check()).schema).toBe('public');
  },
  '0014-rate-limit': async (ledger) => {
    expect((await ledger.state.read(259_200)).throttledSeconds).toBeGreaterThan(60);
  },
};

describe('a ledger with rows of every version', () => {
  it('has rows, and something to look at, for each migration', () => {
    expect(NAMES.filter((name) => !existsSync(rowsOf(name)))).toEqual([]);
    expect(Object.keys(STANDS)).toEqual(NAMES);
  });

  it.each(NAMES)('from %s comes to this program’s, and nothing of it is lost', async (last) => {
    const url = await ledgerOf(last);
    const lived = NAMES.slice(0, NAMES.indexOf(last) + 1);
    expect(await migrateLedger(url)).toEqual(NAMES.slice(lived.length));
    expect(await migrateLedger(url)).toEqual([]);
    const ledger = openLedger(url);
    try {
      await ledger.check();
      for (const name of lived) await STANDS[name]?.(ledger);
    } finally {
      await ledger.close();
    }
  });

  it('that has slots tells a worker of the pace that it is not its own', async () => {
    const url = await ledgerOf('0013-backlogs');
    await migrateLedger(url);
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    try {
      const error = await pool
        .query(`update pace set next_at = now() where scope = 'submit'`)
        .catch((thrown) => thrown);
      expect(toLedgerError(error, 'write the intent of a submit')).toMatchObject({
        kind: 'schema',
        message: expect.stringContaining('smart-erase setup'),
      });
      // Its last call has arrived before the time of the first slot.
      const { rows } = await pool.query(
        `select next_at - '2026-01-02T03:04:05Z' = interval '8 seconds' as waits from rate_limit`,
      );
      expect(rows).toEqual([{ waits: true }]);
    } finally {
      await pool.end();
    }
  });

  it('of a newer version is refused by the setup of this program, and its statements say so', async () => {
    const url = await ledgerOf('0012-breakers', async (pool) => {
      await pool.query(`insert into ledger_migration (name, timestamp) values ('9999-later', '2031-01-02T03:04:05Z');
        alter table breaker rename column opened_at to began_at`);
    });
    await expect(migrateLedger(url)).rejects.toMatchObject({
      kind: 'schema',
      message: expect.stringMatching(/newer version/),
    });
    const ledger = openLedger(url);
    try {
      await expect(
        ledger.breakers.close({ scope: 'account', openedAt: new Date(0) }, { by: 'ann', reason: 'paid' }),
      ).rejects.toMatchObject({
        kind: 'schema',
        message: expect.stringMatching(/opened_at.*if a newer version did, upgrade/),
      });
    } finally {
      await ledger.close();
    }
  });

  it('opens a breaker that waited for its probe, with all digits of its time, and an operator can close it', async () => {
    const url = await ledgerOf('0011-crossings', async (pool) => {
      await pool.query(`insert into breaker (scope, state, error_class, error_code, error_message, opened_at, workflow_id, probe_erase_id,
        probe_number, probe_at) values ('account', 'probing', 'account', 'FailedOperation.UserStatusInavlid', 'frozen',
        '2026-01-02T03:04:05.678912Z', 'erase/poor', 7, 1, clock_timestamp())`);
    });
    await migrateLedger(url);
    const ledger = openLedger(url);
    try {
      const open = await ledger.breakers.findOpen(1);
      expect(open).toMatchObject({
        scope: 'account',
        code: 'FailedOperation.UserStatusInavlid',
        workflowId: 'erase/poor',
      });
      expect(await ledger.submissions.begin(intentOf('stopped', { costUsd: 0.1 }))).toMatchObject({ kind: 'blocked' });
      if (open !== null) await ledger.breakers.close(open, { by: 'ann', reason: 'paid' });
      expect(await ledger.submissions.begin(intentOf('stopped', { costUsd: 0.1 }))).toMatchObject({ kind: 'send' });
    } finally {
      await ledger.close();
    }
  });
});

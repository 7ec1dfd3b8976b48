import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReportItem, ReportManifest } from '../../src/contract/report.js';
import { reportItemSchema, reportManifestSchema } from '../../src/contract/report-schema.js';
import type { NewBatchItem } from '../../src/ledger/batches/batch-store.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { newBatch, newItem } from '../support/batches.js';
import { runCli } from '../support/cli.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const BATCH = 'library-2031';
const BIG = 'big';
const BIG_ITEMS = 3_000;
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

let database: TestDatabase;
let ledger: Ledger;
let folder: string;

const failed = (state: 'failed' | 'timedOut' | 'cancelled' | 'skipped', code: string): Partial<NewBatchItem> => ({
  done: { state, errorClass: 'taskFailed', errorCode: code, errorMessage: '=HYPERLINK("http://evil.example")' },
});

beforeAll(async () => {
  database = await createTestDatabase('results');
  await migrateLedger(database.url);
  ledger = openLedger(database.url, { maxConnections: 2 });
  folder = mkdtempSync(join(tmpdir(), 'smart-erase-report-'));
  await ledger.batches.create(newBatch(BATCH), [
    newItem(BATCH, 1, {}, { done: { state: 'succeeded', taskId: 't-1', resultFileId: '900000000000000001' } }),
    newItem(BATCH, 2, { requestedBy: 'bob' }, { done: { state: 'reused', resultFileId: '900000000000000002' } }),
    newItem(BATCH, 3, {}, failed('failed', 'SourceFileError.Broken')),
    newItem(BATCH, 4, { recipe: { name: 'logo' } }, failed('skipped', 'NotStarted')),
    newItem(BATCH, 5),
  ]);
  await ledger.batches.create(
    newBatch(BIG),
    Array.from({ length: BIG_ITEMS }, (_, index) => newItem(BIG, index + 1, {}, failed('cancelled', 'NotStarted'))),
  );
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const results = (...args: string[]) => runCli(['batch', 'results', ...args], { DATABASE_URL: database.url });

const lines = (dir: string, name: string): ReportItem[] =>
  readFileSync(join(dir, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ReportItem);

describe('the report of a batch', () => {
  it('is refused while the batch runs, unless a partial one is asked for', async () => {
    const out = join(folder, 'early');
    const { code, stderr } = await results(BATCH, '--out', out);
    expect([code, existsSync(out)]).toEqual([8, false]);
    expect(stderr).toContain('--partial');
  });

  it('has every item once, with sums that can be checked', async () => {
    const out = join(folder, 'partial');
    const { code, stdout, stderr } = await results(BATCH, '--out', out, '--partial', '-o', 'json');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as ReportManifest;
    expect(reportManifestSchema.parse(manifest)).toEqual(manifest);
    expect(JSON.parse(stdout)).toEqual({ folder: out, ...manifest });
    expect(manifest).toMatchObject({
      schemaVersion: 1,
      batchId: BATCH,
      complete: false,
      counts: { succeeded: 1, reused: 1, failed: 1, skipped: 1, pending: 1, total: 5 },
      source: { name: 'files.csv', sha256: 'a'.repeat(64) },
      requestedBy: 'alice',
    });
    for (const { name, sha256, bytes } of manifest.files) {
      const content = readFileSync(join(out, name));
      expect([name, bytes, sha256]).toEqual([name, content.length, createHash('sha256').update(content).digest('hex')]);
    }
    expect(readdirSync(out).sort()).toEqual(['manifest.json', ...manifest.files.map((f) => f.name)].sort());
    const rows = [...lines(out, 'succeeded.ndjson'), ...lines(out, 'failed.ndjson')];
    expect(rows.map((row) => row.number)).toEqual([1, 2, 3, 4, 5]);
    expect(rows.map((row) => row.state)).toEqual(['succeeded', 'reused', 'failed', 'skipped', 'pending']);
    expect(rows.map((row) => row.requestedBy)).toEqual(['alice', 'bob', 'alice', 'alice', 'alice']);
    for (const row of rows) expect(reportItemSchema.parse(row)).toEqual(row);
    expect(readFileSync(join(out, 'mapping.csv'), 'utf8')).toBe(
      'sourceFileId,resultFileId,recipe\n' +
        '5285485487985271001,900000000000000001,subtitles\n5285485487985271002,900000000000000002,subtitles\n',
    );
  });

  it('has the same rows as CSV, in which no text is a formula', () => {
    const out = join(folder, 'partial');
    const table = parse(readFileSync(join(out, 'failed.csv')), { columns: true }) as Record<string, string>[];
    const rows = lines(out, 'failed.ndjson');
    expect(table.map(({ number, fileId, code, row }) => [Number(number), fileId, code, Number(row)])).toEqual(
      rows.map(({ number, fileId, code, row }) => [number, fileId, code ?? '', row]),
    );
    expect(table[0]?.message).toBe('\'=HYPERLINK("http://evil.example")');
    expect(rows[0]?.message).toBe('=HYPERLINK("http://evil.example")');
    expect(table[1]).toMatchObject({ recipe: 'logo', code: 'NotStarted' });
  });

  it('does not write over a folder with files, except one that is a report, when told so', async () => {
    const out = join(folder, 'partial');
    const before = readFileSync(join(out, 'manifest.json'), 'utf8');
    const refused = await results(BATCH, '--out', out, '--partial');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--force')]);
    expect(readFileSync(join(out, 'manifest.json'), 'utf8')).toBe(before);
    expect((await results(BATCH, '--out', out, '--partial', '--force')).code).toBe(0);
    expect(readFileSync(join(out, 'manifest.json'), 'utf8')).not.toBe(before);
    writeFileSync(join(out, 'notes.txt'), 'mine');
    const foreign = await results(BATCH, '--out', out, '--partial', '--force');
    expect([foreign.code, foreign.stderr]).toEqual([2, expect.stringContaining('notes.txt')]);
    expect(readFileSync(join(out, 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('leaves nothing where it cannot be written whole', async () => {
    const parent = join(folder, 'full');
    mkdirSync(parent);
    // A limit on the size of a file stops the write in its middle, as a full disk does.
    const limited = promisify(execFile)(
      'sh',
      [
        '-c',
        'ulimit -f 64; exec "$0" "$@"',
        process.execPath,
        MAIN,
        'batch',
        'results',
        BIG,
        '--partial',
        '--out',
        join(parent, 'out'),
      ],
      { env: { PATH: process.env.PATH, DATABASE_URL: database.url, TEMPORAL_CONFIG_FILE: '/dev/null' } },
    );
    const { code, stderr } = await limited.then(
      () => ({ code: 0, stderr: '' }),
      (error: { code: number; stderr: string }) => error,
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(/^smart-erase: The report cannot be written to .*EFBIG.*Nothing was left there\.\n/);
    expect(stderr.split('\n').filter((line) => line !== '')).toHaveLength(2);
    expect(readdirSync(parent)).toEqual([]);
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    expect((await results(BIG, '--partial', '--out', join(file, 'out'))).stderr).toContain('ENOTDIR');
  });

  it('says which folder cannot be written, to root too', async () => {
    // Nobody makes folders in there: the kernel refuses (Linux), or the disk is read-only.
    const { code, stdout, stderr } = await results(BIG, '--partial', '--out', '/sys/smart-erase-report');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^smart-erase: .*\/sys\/smart-erase-report.*(EPERM|EACCES|EROFS)/);
    expect(stderr.split('\n').filter((line) => line !== '')).toHaveLength(2);
  });

  it('of many items is whole', async () => {
    const out = join(folder, 'many');
    expect((await results(BIG, '--out', out, '--partial')).code).toBe(0);
    expect(lines(out, 'failed.ndjson').map((row) => row.number)).toEqual(
      Array.from({ length: BIG_ITEMS }, (_, index) => index + 1),
    );
    expect(readdirSync(folder).filter((name) => name.includes('unfinished'))).toEqual([]);
  });

  it('of a batch that does not exist is a mistake', async () => {
    const { code, stderr } = await results('nothing', '--out', join(folder, 'nothing'));
    expect([code, stderr]).toEqual([2, expect.stringContaining('batch list')]);
  });
});

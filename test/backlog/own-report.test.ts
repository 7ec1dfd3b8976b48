import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAdoptFile } from '../../src/backlog/adopt-file.js';
import { csvSource } from '../../src/backlog/csv.js';
import { ndjsonSource } from '../../src/backlog/ndjson.js';
import { OwnReportError, ownOutput, withBatchOf } from '../../src/backlog/own-report.js';
import { csvForm } from '../../src/backlog/report/csv.js';
import { pastedWord } from '../../src/contract/pasted.js';
import type { ReportItem } from '../../src/contract/report.js';
import { bytesOf, rowsOf } from './rows.js';

const item: ReportItem = {
  number: 1,
  row: 2,
  state: 'failed',
  fileId: '5285485487985271487',
  subAppId: 1500000001,
  recipe: { name: 'subtitles', areas: [{ left: 0, top: 0.7, right: 1, bottom: 1 }] },
  recipeHash: 'ab'.repeat(32),
  workflowId: 'erase/1500000001/5285485487985271487/abab',
  runId: 'b0d4',
  taskId: '1500000001-ProcessMediaByMPS-1',
  resultFileId: null,
  class: 'taskFailed',
  code: '70000',
  message: '=HYPERLINK("http://evil.example"), 王芳',
  requestId: null,
  attempts: 2,
  estimatedUsd: 1.5,
  costUsd: 3,
  startedAt: '2031-01-31T10:00:00.000Z',
  endedAt: '2031-01-31T10:05:00.000Z',
  requestedBy: 'ann',
  batchId: 'library-2031',
};

const plain = csvForm({ spreadsheet: false });
const excel = csvForm({ spreadsheet: true });
const failure = async (source: ReturnType<typeof csvSource>): Promise<OwnReportError> => {
  const error = await rowsOf(source).then(
    (rows) => rows,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof OwnReportError)) throw new Error(`read as a backlog: ${JSON.stringify(error)}`);
  return error;
};
const ofCsv = (text: string) => failure(csvSource('x.csv', bytesOf(text)));
const ofJson = (...lines: object[]) =>
  failure(ndjsonSource('x.ndjson', bytesOf(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))));
/** Those columns of a report, and its first row. */
const columns = (...names: string[]) => {
  const header = plain.itemHeader.trim().split(',');
  const cells = [
    '1',
    '2',
    'failed',
    item.fileId,
    '1500000001',
    'subtitles',
    '"{""areas"":[]}"',
    'abab',
    'erase/1',
    'run',
  ];
  return [names.join(','), names.map((name) => cells[header.indexOf(name)] ?? 'x').join(',')].join('\n');
};

describe('a report as a backlog is refused, and says what to do', () => {
  it.each([
    ['as it was written', plain.itemHeader + plain.item(item)],
    ['for a spreadsheet', excel.itemHeader + excel.item(item)],
    ['saved by one, with semicolons', (plain.itemHeader + plain.item(item)).replaceAll(',', ';')],
    ['with other capitals', plain.itemHeader.toUpperCase() + plain.item(item)],
  ])('%s', async (_what, text) => {
    const error = await ofCsv(text);
    expect([error.batchId, error.output]).toEqual(['library-2031', 'report']);
    expect(error.message).toContain('report of batch library-2031');
    expect(error.advice).toContain('smart-erase batch redrive library-2031 --failed.');
  });

  it.each([
    ['its recipe and options', ['fileId', 'recipe', 'recipeOptions']],
    ['the hash only', ['fileId', 'subAppId', 'recipe', 'recipeHash']],
    ['ids', ['fileId', 'recipe', 'workflowId', 'requestId']],
    ['money', ['fileId', 'estimatedUsd', 'costUsd']],
    ['what went wrong', ['number', 'row', 'state', 'fileId', 'taskId', 'code']],
    ['times', ['number', 'row', 'state', 'fileId', 'code', 'message', 'startedAt']],
  ])('with %s left of it', async (_what, names) => {
    const error = await ofCsv(columns(...names));
    expect([error.output, error.batchId]).toEqual(['report', null]);
    expect(error.advice).toContain('smart-erase batch redrive BATCH --failed.');
    expect(error.advice).toContain('manifest.json');
  });

  it('with a header only', async () => {
    expect((await ofCsv(plain.itemHeader)).output).toBe('report');
  });

  it.each([
    ['succeeded', 'Nothing of it needs another run'],
    ['reused', 'Nothing of it needs another run'],
    ['skipped', 'smart-erase batch redrive library-2031. '],
    ['cancelled', 'smart-erase batch redrive library-2031. '],
    ['timedOut', 'smart-erase batch redrive library-2031 --failed. '],
    ['pending', 'smart-erase batch status library-2031'],
  ] as const)('of items that are %s', async (state, advice) => {
    expect((await ofCsv(plain.itemHeader + plain.item({ ...item, state }))).advice).toContain(advice);
    expect((await ofJson({ ...item, state })).advice).toContain(advice);
  });

  it('as NDJSON, in one sentence, wherever it stands', async () => {
    expect((await ofJson(item, item)).batchId).toBe('library-2031');
    expect((await ofJson({ fileId: '1', recipe: { name: 'logo' } }, item)).batchId).toBe('library-2031');
  });

  it('never prints an id that is none', async () => {
    const odd = { ...item, batchId: '$(reboot) \u001b[2J' };
    expect((await ofJson(odd)).advice).toContain('redrive BATCH --failed');
    expect((await ofCsv(plain.itemHeader + plain.item(odd))).batchId).toBeNull();
  });
});

it('knows the other files and lists that we print', async () => {
  expect((await ofCsv(plain.mappingHeader + plain.mapping(item))).output).toBe('mapping');
  expect((await ofCsv(excel.mappingHeader + excel.mapping(item))).message).toContain('mapping');
  // `batch plan -o jsonl`, `list -o jsonl`.
  expect((await ofJson({ row: 2, fileId: '1', problem: 'x' })).output).toBe('plan');
  expect(
    (await ofJson({ workflowId: 'erase/1', runId: 'r', execution: 'failed', phase: null, recipe: 'logo', taskId: 't' }))
      .output,
  ).toBe('report');
  // The head of a plan, a start, a redrive, the result of an erase, a manifest.
  expect((await ofJson({ source: {}, items: 1, paidBefore: {}, problemCount: 0 })).output).toBe('plan');
  for (const printed of [
    { batchId: 'b', items: 3, estimatedUsd: 1, created: true },
    { batchId: 'b', parentBatchId: 'a', items: 3, estimatedUsd: 1, byKind: {} },
    { schemaVersion: 1, batchId: 'b', workflowId: 'batch/b', state: 'ended', files: [] },
  ]) {
    expect((await ofJson(printed)).batchId).toBe('b');
  }
  const result = { status: 'succeeded', sourceFileId: '1', resultFileId: '2', taskId: 't', recipe: {} };
  expect((await ofJson(result)).output).toBe('mapping');
  const submitted = await ofCsv('fileId,recipe,taskId,resultFileId\n1,logo,t,\n');
  expect([submitted.output, submitted.advice]).toEqual(['submitted', expect.stringContaining('batch adopt')]);
});

it('leaves the lists of others alone', () => {
  for (const header of [
    'fileId',
    'fileId,title,recipe,key,publish,subAppId',
    'fileId,number,row,state,message',
    'fileId,batchId',
    'fileId,code,class,startedAt,endedAt',
    'fileId,workflowId',
    'fileId,problem,row,title',
  ]) {
    expect([header, ownOutput(header.split(','))]).toEqual([header, null]);
  }
});

it('finds the batch in the manifest beside the file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'own-report-'));
  try {
    const error = await ofCsv(plain.mappingHeader);
    const path = join(folder, 'mapping.csv');
    expect((await withBatchOf(error, path)).batchId).toBeNull();
    writeFileSync(
      join(folder, 'manifest.json'),
      JSON.stringify({ batchId: 'spring', files: [{ name: 'mapping.csv' }] }),
    );
    const named = await withBatchOf(error, path);
    expect([named.batchId, named.message]).toEqual(['spring', expect.stringContaining('batch spring')]);
    expect((await withBatchOf(error, join(folder, 'list.csv'))).batchId).toBeNull();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('is adopted with the options of its recipe, whoever saved it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'own-report-'));
  try {
    const hashes = new Set<string>();
    for (const form of [plain, excel]) {
      const file = join(folder, 'succeeded.csv');
      const done = { ...item, state: 'succeeded' as const, resultFileId: '5285485499921071487' };
      writeFileSync(file, form.itemHeader + form.item(done));
      const { claims, problems } = await readAdoptFile(file, {});
      expect(problems).toEqual([]);
      expect(claims).toMatchObject([
        { request: { fileId: item.fileId, recipe: item.recipe }, taskId: item.taskId, resultFileId: done.resultFileId },
      ]);
      hashes.add(claims[0]?.recipeHash as string);
    }
    expect(hashes.size).toBe(1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('CSV for a spreadsheet', () => {
  it('begins with a mark, and keeps digits by a formula that is a text', () => {
    expect(excel.itemHeader.startsWith('\ufeffnumber,row,')).toBe(true);
    const row = excel.item(item);
    expect(row).toContain('"=""5285485487985271487"""');
    expect(row).toContain('"=""70000"""');
    expect(row).toContain('1500000001-ProcessMediaByMPS-1,');
    expect(row).toContain(`"'=HYPERLINK(""http://evil.example""), 王芳"`);
    expect(plain.itemHeader.startsWith('number,row,')).toBe(true);
    expect(plain.item(item)).toContain(',5285485487985271487,');
  });

  it.each(['=1+1', '+1 555', '-2 dB', '@cmd', '\t=1', '\r=1', '＝1', '＋a', '－a', '＠a'])(
    'makes no formula of %j',
    (message) => {
      for (const form of [plain, excel]) expect(form.item({ ...item, message })).toMatch(/,"?'/);
    },
  );

  it.each([
    ['="528"', '528'],
    [' ="a b" ', 'a b'],
    ['528', '528'],
    ['=1+1', '=1+1'],
  ])('reads %j as %j', (cell, text) => {
    expect(pastedWord(cell)).toBe(text);
  });
});

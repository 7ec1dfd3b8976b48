import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliEnd, runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { manyMedia } from '../support/simulator.js';

const APP = 1500000001;
const MISTYPED = '1500000010';
const FILES = manyMedia(450, 5289000000000000000n);
const id = (at: number) => FILES[at]?.fileId as string;
const [BROKEN, MORE] = [id(2), id(3)];
const SOUND = '5291000000000000000';
const OPTIONS = '{"areas":[{"left":0,"top":0.7,"right":1,"bottom":1}]}';
const RECIPE = ['--recipe', 'subtitles', '--recipe-json', OPTIONS];

let stack: EraseStack;
let env: NodeJS.ProcessEnv;
let folder: string;
/** How an erase of an audio file ended. */
let single: unknown;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  stack = await EraseStack.start();
  env = { ...stack.env, VOD_SUB_APP_ID: String(APP), USER: 'ann' };
  folder = mkdtempSync(join(tmpdir(), 'fed-back-'));
  await stack.admin.addMedia(FILES);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await stack.stop();
});

const batch = (...args: string[]) => runCli(['batch', ...args], env);
const list = (name: string, ...lines: string[]) => {
  writeFileSync(at(name), lines.map((line) => `${line}\n`).join(''));
  return at(name);
};
const json = ({ code, stdout, stderr }: CliEnd) => {
  if (stdout === '') throw new Error(`exit ${code}: ${stderr}`);
  return JSON.parse(stdout);
};
const paid = async () => (await stack.outcomes('ProcessMediaByMPS')).length;

describe('what a batch reported, given back as a backlog', () => {
  beforeAll(async () => {
    // Its task fails for good, after it was paid for.
    const fault = { action: 'ProcessMediaByMPS', kind: 'task-failure', code: 'BadSourceFile', fileId: BROKEN } as const;
    await stack.admin.addFault({ ...fault, times: 9 });
    await stack.startWorker();
    const publish = '{"name":"clean"}';
    const started = await batch(
      'start',
      list('list.csv', id(0), id(1), BROKEN),
      ...RECIPE,
      '--publish',
      publish,
      '--id',
      'first',
      '--yes',
    );
    if (started.code !== 0) throw new Error(started.stderr);
    await eventually('the end of the batch', async () =>
      (await stack.ledger.batches.find('first'))?.state === 'ended' ? true : undefined,
    );
    const sound = { subAppId: APP, recipe: { name: 'subtitles' }, fileId: SOUND };
    await stack.admin.addMedia([{ fileId: SOUND, name: 'song', duration: 60, category: 'Audio' }]);
    single = await stack.client
      .start(sound)
      .then((handle) => handle.result())
      .catch((error: unknown) => error);
    await stack.stopWorkers();
    for (const args of [['report'], ['excel', '--excel']]) {
      const [name = '', ...options] = args;
      const { code, stderr } = await batch('results', 'first', '--out', at(name), ...options);
      if (code !== 0) throw new Error(stderr);
    }
  });

  it('is refused with the command that runs it again; nothing is paid', async () => {
    const before = await paid();
    copyFileSync(at('report/failed.csv'), at('renamed.txt'));
    const table = parse(readFileSync(at('report/failed.csv')), { columns: true }) as Record<string, string>[];
    const less = table.map(({ fileId, recipe, recipeOptions, batchId }) =>
      [fileId, recipe, JSON.stringify(recipeOptions).replaceAll('\\"', '""'), batchId].join(','),
    );
    const cases: [string, string][] = [
      [at('report/failed.ndjson'), 'smart-erase batch redrive first --failed'],
      [at('excel/failed.csv'), 'smart-erase batch redrive first --failed'],
      [at('renamed.txt'), 'smart-erase batch redrive first --failed'],
      [list('less.csv', 'fileId,recipe,recipeOptions,batchId', ...less), 'smart-erase batch redrive first --failed'],
      [at('report/mapping.csv'), 'batch first'],
    ];
    const ends = await Promise.all(cases.map(([file]) => batch('start', file, ...RECIPE, '--yes')));
    for (const [index, { code, stdout, stderr }] of ends.entries()) {
      expect([cases[index]?.[0], code, stdout, stderr]).toEqual([
        cases[index]?.[0],
        3,
        '',
        expect.stringContaining(cases[index]?.[1] as string),
      ]);
      expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(3);
    }
    expect(await paid()).toBe(before);
    expect((await stack.query('select 1 from batch')).rowCount).toBe(1);
  });

  it('is left out where only its FileIds are left, and what was paid for and failed is named', async () => {
    const ids = list('ids.csv', 'fileId', id(0), id(1), BROKEN);
    const end = await batch('start', ids, ...RECIPE, '--yes');
    expect([end.code, end.stdout]).toEqual([9, '']);
    expect(end.stderr).toMatch(/Paid for before +2 done, 0 under way, 0 lost \(left out\)\n/);
    expect(end.stderr).toMatch(/Paid for, failed +1 \(left out\)\n/);
    expect(end.stderr).toMatch(
      new RegExp(`row 4 {2}${BROKEN} {2}paid for, and the task failed {2}${APP}-ProcessMediaByMPS-`),
    );
    expect(end.stderr).toContain('--pay-again --reason');
    const plan = json(await batch('plan', ids, ...RECIPE, '--include-paid', '-o', 'json'));
    expect(plan).toMatchObject({ items: 2, kept: 2, estimatedUsd: 0, paidBefore: { failed: 1 }, paidAgain: 0 });
    expect(plan.leftOut).toEqual([{ row: 4, fileId: BROKEN, kind: 'failed', taskId: expect.any(String) }]);
  });

  it('is paid for once more by --pay-again, which wants a reason', async () => {
    const ids = list('again.csv', 'fileId', id(0), BROKEN);
    const plan = await batch('plan', ids, ...RECIPE, '--pay-again', '-o', 'json');
    expect(json(plan)).toMatchObject({
      items: 1,
      paidAgain: 1,
      estimatedUsd: expect.closeTo(0.0373, 4),
      paidBefore: { failed: 1 },
    });
    const start = ['start', ids, ...RECIPE, '--pay-again', '--id', 'again', '--yes'];
    const refused = await batch(...start);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--pay-again needs --reason')]);
    const { code, stderr } = await batch(...start, '--reason', 'the source was put right');
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining('1 was paid for, and the task failed: paid for once more.'),
    ]);
    const { rows } = await stack.query(`select file_id, may_pay from batch_item where batch_id = 'again'`);
    expect(rows).toEqual([{ file_id: BROKEN, may_pay: true }]);
  });

  it('tells of files that were paid for with other options, or by another recipe', async () => {
    const lost = list('lost.csv', 'fileId', id(0), BROKEN, MORE);
    const { code, stderr } = await batch('plan', lost, '--recipe', 'subtitles');
    expect(code).toBe(0);
    expect(stderr).toContain(
      'Beware: 2 of these files were paid for before by another recipe or with other options, 2 of them by the same recipe with other options.',
    );
    expect(stderr).toContain(`  row 2  ${id(0)}  subtitles; before: subtitles with other options\n`);
    const other = json(await batch('plan', lost, '--recipe', 'logo', '-o', 'json'));
    expect(other.paidOtherwise).toMatchObject({
      items: 2,
      sameRecipe: 0,
      first: [{ row: 2, before: 'subtitles' }, {}],
    });
  });

  it('tells of results that a list names', async () => {
    const [done] = parse(readFileSync(at('report/mapping.csv')), { columns: true }) as { resultFileId: string }[];
    const file = list('results.csv', 'fileId', done?.resultFileId as string, MORE);
    const { stderr } = await batch('plan', file, '--recipe', 'logo');
    expect(stderr).toContain('1 of these files is a result of earlier erases');
  });

  it('is what a spreadsheet leaves alone, by --excel, with checksums that are right', () => {
    for (const name of ['excel', 'report']) {
      const { files } = JSON.parse(readFileSync(at(`${name}/manifest.json`), 'utf8'));
      for (const { name: part, bytes, sha256 } of files) {
        const content = readFileSync(at(`${name}/${part}`));
        expect([part, bytes, sha256]).toEqual([
          part,
          content.length,
          createHash('sha256').update(content).digest('hex'),
        ]);
      }
    }
    const failed = readFileSync(at('excel/failed.csv'));
    expect([...failed.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    expect(failed.toString()).toContain(`"=""${BROKEN}"""`);
    expect(readFileSync(at('excel/failed.ndjson'))).toEqual(readFileSync(at('report/failed.ndjson')));
    expect(readFileSync(at('report/failed.csv'), 'utf8')).toMatch(/^number,row,state,fileId,/);
  });

  it('is adopted without a payment, options and all', async () => {
    const before = await paid();
    const { code, stdout } = await batch('adopt', at('excel/succeeded.csv'), '--dry-run', '-o', 'json');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { items: 2 }]);
    expect(await paid()).toBe(before);
  });
});

describe('a mistyped sub-application', () => {
  it('is a problem of its rows; the others are planned', async () => {
    const rows = Array.from({ length: 10 }, (_, at) => `${id(10 + at)},${at === 4 ? MISTYPED : APP}`);
    const end = await batch('plan', list('sub.csv', 'fileId,subAppId', ...rows), '--recipe', 'logo', '-o', 'json');
    expect(end.code).toBe(3);
    const plan = json(end);
    expect(plan).toMatchObject({ items: 9, problemCount: 1, source: { rows: 10 } });
    expect(plan.problems).toEqual([
      {
        row: 6,
        fileId: id(14),
        problem: expect.stringContaining(`sub-application ${MISTYPED} does not exist, or these`),
      },
    ]);
  });

  it('that all rows share is one sentence', async () => {
    const file = list('shared.csv', ...FILES.slice(10, 40).map(({ fileId }) => fileId));
    const { code, stdout, stderr } = await batch('plan', file, '--recipe', 'logo', '--sub-app-id', MISTYPED);
    expect([code, stdout]).toEqual([7, '']);
    expect(stderr).toContain(`Sub-application ${MISTYPED} is what --sub-app-id or VOD_SUB_APP_ID gives`);
    const adopted = list('adopt.csv', 'fileId,taskId,subAppId', `${id(10)},x,${MISTYPED}`, `${id(11)},y,${APP}`);
    const adopt = await batch('adopt', adopted, '--recipe', 'logo', '--dry-run', '-o', 'json');
    expect([adopt.code, JSON.parse(adopt.stdout)]).toMatchObject([
      3,
      [{ row: 2, problem: expect.stringContaining(MISTYPED) }, { row: 3 }],
    ]);
  });

  it('that all rows share, and that is not allowed here, is one sentence too', async () => {
    const own = { ...env, VOD_ALLOWED_SUB_APP_IDS: '1500000007', VOD_SUB_APP_ID: '1500000007' };
    const { code, stdout, stderr } = await runCli(
      ['batch', 'plan', at('shared.csv'), '--recipe', 'logo', '--sub-app-id', String(APP)],
      own,
    );
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toContain(`sub-application ${APP} is not among those that may be used here`);
  });
});

describe('a library with more than videos', () => {
  const kinds = [
    { category: 'Audio' },
    { category: 'Image' },
    { storageClass: 'ARCHIVE' },
    { storageClass: 'DEEP_ARCHIVE' },
    { status: 'Forbidden' },
    { videoStream: false },
    {},
  ] as const;
  const mixed = kinds.map((kind, at) => ({
    fileId: String(5290000000000000000n + BigInt(at)),
    name: `kind ${at}`,
    duration: 60,
    classId: 77,
    ...('category' in kind ? {} : { width: 1280, height: 720 }),
    ...kind,
  }));
  const search = ['--library', '--class-id', '77', '--recipe', 'subtitles'];

  it('names them where a list has them, by row, and again after a while', async () => {
    await stack.admin.addMedia(mixed);
    const file = list('kinds.csv', 'fileId', ...mixed.map(({ fileId }) => fileId));
    for (const _ of ['once', 'and when they were looked up before']) {
      const end = await batch('plan', file, '--recipe', 'subtitles', '-o', 'json');
      expect(end.code).toBe(3);
      expect(json(end).problems.map(({ row, problem }: { row: number; problem: string }) => [row, problem])).toEqual([
        [2, expect.stringContaining('is audio')],
        [3, expect.stringContaining('is an image')],
        [4, expect.stringContaining('is archived')],
        [5, expect.stringContaining('is archived')],
        [6, expect.stringContaining('is blocked')],
        [7, expect.stringContaining('has no video stream')],
      ]);
    }
  });

  it('is not paid for by a single erase of a file that is no video', async () => {
    expect(single).toMatchObject({
      class: 'input',
      code: 'NotAVideo',
      message: expect.stringContaining(`file ${SOUND} is audio, not a video`),
      moneySpent: false,
    });
    expect(await stack.outcomes('ProcessMediaByMPS', SOUND)).toEqual([]);
  });

  it('gives the videos, and counts the others with the reason', async () => {
    const end = await batch('plan', ...search);
    expect([end.code, end.stdout]).toEqual([0, expect.stringMatching(/Items +1\n/)]);
    expect(end.stdout).toMatch(/Not fit +2 archived .*, 1 blocked, 1 without a video stream: left out\n/);
    expect(end.stdout).toMatch(/Estimated USD +0\.22\n/);
    const plan = json(await batch('plan', ...search, '--allow-archived', '-o', 'json'));
    expect(plan).toMatchObject({ items: 3, unfit: { forbidden: 1, noVideo: 1 }, unknownDuration: 0 });
  });
});

it('plans 450 files without a warning of Node, and tells how many of how many', async () => {
  await stack.query('delete from media');
  const file = list('many.csv', ...FILES.slice(10).map(({ fileId }) => fileId));
  // Long enough for a line of progress where there is no terminal.
  await stack.admin.addFault({ action: 'DescribeMediaInfos', kind: 'delay', ms: 2_800, times: 22 });
  const patient = { ...env, VOD_REQUEST_TIMEOUT_SECONDS: '20', VOD_SETTLE_SECONDS: '60' };
  const { code, stderr } = await runCli(['batch', 'plan', file, '--recipe', 'logo'], patient);
  expect(code).toBe(0);
  expect(stderr).not.toContain('Warning');
  expect(stderr).toMatch(/\d+ of 440 files looked up(, about \d+ s left)?\n/);
});

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import iconv from 'iconv-lite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliEnd, runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { manyMedia } from '../support/simulator.js';

const FILES = manyMedia(60, 5287000000000000000n).map((media, at) => ({
  ...media,
  duration: 60,
  classId: at < 50 ? 21 : 22,
}));
const id = (at: number) => FILES[at]?.fileId as string;

let stack: EraseStack;
let env: NodeJS.ProcessEnv;
let folder: string;

beforeAll(async () => {
  stack = await EraseStack.start();
  env = { ...stack.env, VOD_SUB_APP_ID: '1500000001', USER: 'ann' };
  folder = mkdtempSync(join(tmpdir(), 'plan-'));
  await stack.admin.addMedia(FILES);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await stack.stop();
});

const file = (name: string, ...lines: string[]) => {
  writeFileSync(join(folder, name), lines.map((line) => `${line}\n`).join(''));
  return join(folder, name);
};
const batch = (...args: string[]) => runCli(['batch', ...args], env, { timeoutMs: 50_000 });
const json = ({ code, stdout, stderr }: CliEnd) => {
  if (stdout === '') throw new Error(`exit ${code}: ${stderr}`);
  return JSON.parse(stdout);
};
const calls = async (action: string) => (await stack.outcomes(action)).length;
const batches = async () => (await stack.query('select id, total from batch order by id')).rows;

describe('plan', () => {
  it('tells what it would be, what it costs and how long the submits take, and changes nothing', async () => {
    const list = file(
      'list.csv',
      'fileId,title,recipe',
      ...[0, 1, 2, 1].map((at) => `${id(at)},x,`),
      `${id(3)},x,logo-basic`,
    );
    const { code, stdout, stderr } = await batch('plan', list, '--recipe', 'subtitles');
    expect(code).toBe(0);
    // 0.2239 USD a minute for three, 0.03 for one: the list price of 720p.
    expect(stdout).toMatch(/Items +4\n/);
    expect(stdout).toMatch(/subtitles: 3, 0\.67 USD\n +logo-basic: 1, 0\.03 USD\n/);
    expect(stdout).toMatch(/Length +4 min\n/);
    expect(stdout).toMatch(/Estimated USD +0\.70\n/);
    expect(stderr).toContain('Columns that are ignored: title.');
    expect(stderr).toContain(`Dropped as duplicates: row 5 is row 3 (${id(1)}).`);
    expect(await batches()).toEqual([]);
    expect((await stack.query('select 1 from erase')).rowCount).toBe(0);
    expect(await calls('ProcessMediaByMPS')).toBe(0);
  });

  it('tells every bad row with -o json, and ends with 3', async () => {
    const list = file(
      'bad.csv',
      'fileId,recipe,publish',
      `${id(0)},subtitles,`,
      'abc,subtitles,',
      '"5,28549E+18",subtitles,',
      `${id(1)},subtitle,`,
      `${id(2)},subtitles,{oops`,
      `${id(0)},logo,`,
      '5287999999999990000,subtitles,',
    );
    const end = await batch('plan', list, '-o', 'json');
    expect(end.code).toBe(3);
    const plan = json(end);
    expect(plan).toMatchObject({ problemCount: 6, items: 3, source: { rows: 7 } });
    const problems = plan.problems.map((one: { row: number; fileId: string; problem: string }) => [
      one.row,
      one.problem,
    ]);
    expect(problems).toEqual([
      [3, expect.stringContaining('fileId must be the decimal digits')],
      [4, expect.stringContaining('a spreadsheet rounded it')],
      [5, expect.stringContaining('did you mean "subtitles"?')],
      [6, expect.stringContaining('publish is not JSON')],
      [7, expect.stringContaining('Ask for subtitles-and-logo')],
      [8, expect.stringContaining('does not exist in sub-application 1500000001; ids that end in 0000')],
    ]);
    const human = await batch('plan', list);
    expect([human.code, human.stdout]).toEqual([3, expect.stringMatching(/Bad rows +6\n/)]);
    expect(human.stderr).toContain(`6 rows are bad:\n  row 3, abc: fileId must be`);
    expect((await batch('plan', list, '--allow-variants', '-o', 'json')).stdout).not.toContain('subtitles-and-logo');
  });

  it('reads lengths 20 files a call, and none of them twice', async () => {
    const list = file('many.csv', ...FILES.slice(0, 45).map(({ fileId }) => fileId));
    await stack.query('delete from media');
    const before = await calls('DescribeMediaInfos');
    expect((await batch('plan', list, '--recipe', 'logo')).code).toBe(0);
    expect((await calls('DescribeMediaInfos')) - before).toBe(3);
    expect((await batch('plan', list, '--recipe', 'faces-blur')).code).toBe(0);
    expect((await calls('DescribeMediaInfos')) - before).toBe(3);
  });

  it('takes what a search of the library finds, with no other calls', async () => {
    const before = await calls('DescribeMediaInfos');
    const end = await batch('plan', '--library', '--class-id', '21', '--recipe', 'subtitles', '-o', 'json');
    expect(json(end)).toMatchObject({
      items: 50,
      durationSeconds: 3_000,
      source: { kind: 'library', name: 'media library of 1500000001, class 21', sha256: null, rows: 50 },
    });
    expect((await calls('DescribeMediaInfos')) - before).toBe(0);
  });

  it('reads NDJSON from standard input', async () => {
    const main = new URL('../../dist/cli/main.js', import.meta.url).pathname;
    const run = promisify(execFile)(process.execPath, [main, 'batch', 'plan', '-', '-o', 'json'], {
      env: { PATH: process.env.PATH, TEMPORAL_CONFIG_FILE: '/dev/null', ...env },
    });
    run.child.stdin?.end(`{"fileId": "${id(7)}", "recipe": {"name": "logo"}}\n`);
    expect(JSON.parse((await run).stdout)).toMatchObject({ items: 1, source: { kind: 'ndjson', name: '-' } });
  });

  it('refuses what cannot be a backlog in one sentence', async () => {
    const cases: [string[], number, string][] = [
      [['plan'], 2, 'Say where the items come from'],
      [['plan', join(folder, 'none.csv')], 3, 'there is no such file'],
      [['plan', file('no-header.csv', 'id,title', '1,x')], 3, 'There is no column fileId'],
      [['plan', 'https://127.0.0.1/x.csv'], 3, 'which is not a public address'],
      [['plan', file('one.csv', id(0)), '--recipe', 'logos'], 3, 'did you mean "logo"?'],
      [['plan', file('one.csv', id(0)), '--publish', '{"nam": 1}'], 3, 'publish.nam'],
      [['plan', file('one.csv', id(0)), '--tag', 'x'], 2, 'belong to --library'],
    ];
    for (const [args, code, sentence] of cases) {
      const end = await batch(...args);
      expect([end.code, end.stdout], sentence).toEqual([code, '']);
      expect(end.stderr).toContain(sentence);
      expect(end.stderr).not.toMatch(/\n +at /);
    }
  });
});

describe('a list that is not what it seems', () => {
  /** Each of plan, start and adopt; nothing comes of any. */
  const refused = async (path: string, sentence: RegExp, adoptPath = path) => {
    const all = await Promise.all([
      batch('plan', path, '--recipe', 'logo'),
      batch('start', path, '--recipe', 'logo', '--yes'),
      batch('adopt', adoptPath, '--recipe', 'logo', '--yes'),
    ]);
    for (const end of all) expect([end.code, end.stdout, end.stderr]).toEqual([3, '', expect.stringMatching(sentence)]);
    expect(await batches()).toEqual([]);
  };

  it('has a quote too many: ends with 3 and names the row, where another row would lend its recipe', async () => {
    const rows = [
      `${id(0)},"Hello,logo,t1`,
      `${id(1)},b,subtitles,t2`,
      `${id(2)},"World",faces-blur,t3`,
      `${id(3)},d,logo,t4`,
    ];
    await refused(
      file('quote.csv', 'fileId,title,recipe,taskId', ...rows),
      /Row 2 has a cell in quotes that goes over 3 lines/,
    );
  });

  it('is in GBK: ends with 3 and the way out', async () => {
    const row = `${id(4)},"{""name"":""第一集"",""tags"":[""片一""]}"`;
    const [path, adoptPath] = [join(folder, 'gbk.csv'), join(folder, 'gbk-tasks.csv')];
    writeFileSync(path, iconv.encode(`fileId,publish\n${row}\n`, 'gbk'));
    writeFileSync(adoptPath, iconv.encode(`fileId,publish,taskId\n${row},t1\n`, 'gbk'));
    await refused(path, /Row 2: publish cannot be read.*give --encoding gb18030/s, adoptPath);
    const unknown = await batch('plan', path, '--encoding', 'ansi');
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('known are utf-8')]);
  });

  it('is a file of another kind: one sentence, with the command that helps', async () => {
    writeFileSync(join(folder, 'list.csv.gz'), gzipSync(`fileId\n${id(0)}\n`));
    await refused(join(folder, 'list.csv.gz'), /list\.csv\.gz is compressed \(gzip\)[\s\S]*gunzip -c /);
  });

  it('is empty: there is nothing to do', async () => {
    for (const header of [[], ['fileId']]) {
      for (const args of [['plan'], ['start', '--yes'], ['adopt', '--yes']]) {
        const more = args[0] === 'adopt' && header.length > 0 ? ['fileId,taskId'] : header;
        const end = await batch(args[0] as string, file('empty.csv', ...more), '--recipe', 'logo', ...args.slice(1));
        expect([args[0], end.code]).toEqual([args[0], 9]);
      }
    }
  });

  it('has a comma that is not in quotes, or ids that cannot be read: problems of their rows, and the others are planned', async () => {
    const list = file(
      'shifted.csv',
      `Title,file\u200bId,recipe`,
      `Hello,\`${id(0)}\u200b\`,subtitles`,
      `Bye,,${id(1)},subtitles`,
      `"5"" disc",${id(2)},subtitles`,
      `x,528\u00a0548,logo`,
    );
    const end = await batch('plan', list, '-o', 'json');
    expect([end.code, json(end)]).toEqual([3, expect.objectContaining({ items: 2, problemCount: 2 })]);
    expect(json(end).problems).toMatchObject([{ row: 3, problem: expect.stringContaining('has 4 cells') }, { row: 5 }]);
    expect((await batch('plan', list)).stderr).toContain('row 5, 528\\u00a0548: fileId must be');
  });
});

describe('start', () => {
  it('leaves out what was paid for, and has nothing to start when that is all', async () => {
    await stack.startWorker();
    const done = await stack.client.start({ fileId: id(30), subAppId: 1500000001, recipe: { name: 'logo' } });
    const { resultFileId } = await done.result();
    await stack.stopWorkers();
    const list = file('paid.csv', id(30));
    const end = await batch('start', list, '--recipe', 'logo', '--yes');
    expect([end.code, end.stderr]).toEqual([9, expect.stringContaining('Nothing to start.')]);
    expect(end.stderr).toMatch(/Paid for before +1 done, 0 under way, 0 lost \(left out\)/);
    const kept = json(await batch('plan', list, '--recipe', 'logo', '--include-paid', '-o', 'json'));
    expect(kept).toMatchObject({ items: 1, kept: 1, estimatedUsd: 0 });
    // The result inherits nothing here, but is in the library all the same: nobody means to erase it once more.
    const library = json(await batch('plan', '--library', '--recipe', 'subtitles', '-o', 'json'));
    expect(library.ownResults).toBe(1);
    const named = json(
      await batch('plan', file('own.csv', resultFileId as string), '--recipe', 'subtitles', '-o', 'json'),
    );
    expect(named).toMatchObject({ items: 1, ownResults: 0 });
  });

  it('needs --yes off a terminal, having shown the totals; then the items are in the ledger', async () => {
    const list = file(
      'start.csv',
      'fileId,publish',
      `${id(0)},`,
      `${id(1)},"{""name"": ""clean""}"`,
      `${id(1)},"{""name"": ""clean""}"`,
    );
    const args = ['start', list, '--recipe', 'subtitles', '--id', 'spring'];
    const asked = await batch(...args);
    expect([asked.code, asked.stdout]).toEqual([2, '']);
    expect(asked.stderr).toMatch(/Items +2\n/);
    expect(asked.stderr).toContain('give --yes');
    expect(await batches()).toEqual([]);

    const end = await batch(...args, '--yes', '--sample', '50%', '--tolerate', '5%', '--max-cost', '0.3', '-o', 'json');
    expect(json(end)).toEqual({ batchId: 'spring', items: 2, estimatedUsd: 0.4478, created: true });
    expect(end.stderr).toContain('It would pass --max-cost');
    expect(end.stderr).toContain('smart-erase batch watch spring');
    const { rows } = await stack.query(`select settings, source, requested_by from batch where id = 'spring'`);
    const sha256 = createHash('sha256')
      .update(`fileId,publish\n${id(0)},\n${`${id(1)},"{""name"": ""clean""}"\n`.repeat(2)}`)
      .digest('hex');
    expect(rows).toEqual([
      {
        settings: {
          concurrency: 10_000,
          tolerate: { percent: 5 },
          minSample: 20,
          maxCostUsd: 0.3,
          sampleSize: 1,
          deadlineAt: null,
        },
        source: { kind: 'csv', name: 'start.csv', sha256, rows: 3 },
        requested_by: 'ann',
      },
    ]);
    const items = await stack.query(
      `select number, "row", file_id, request from batch_item where batch_id = 'spring' order by number`,
    );
    expect(items.rows).toMatchObject([
      { number: 1, row: '2', file_id: id(0), request: { batchId: 'spring' } },
      { number: 2, row: '3', file_id: id(1), request: { publish: { name: 'clean' } } },
    ]);
    const feeder = await stack.temporal.workflow.getHandle('batch/spring').describe();
    expect([feeder.type, feeder.status.name]).toEqual(['batch', 'RUNNING']);

    // The same again finds it; another backlog does not get its name.
    expect(json(await batch(...args, '--yes', '-o', 'json'))).toMatchObject({ batchId: 'spring', created: false });
    const other = await batch('start', file('other.csv', id(5)), '--recipe', 'logo', '--id', 'spring', '--yes');
    expect([other.code, other.stdout]).toEqual([2, '']);
    expect(other.stderr).toContain('There is a batch spring already');
    // So has another recipe, or a limit that it was not given, to be told and not to be forgotten.
    const recipe = await batch('start', list, '--recipe', 'logo', '--id', 'spring', '--yes');
    expect([recipe.code, recipe.stderr]).toEqual([2, expect.stringContaining('2 of these 2 erases are not in it')]);
    const limit = await batch(...args, '--yes', '--concurrency', '7', '--tolerate', '5%');
    expect([limit.code, limit.stderr]).toEqual([0, expect.stringContaining('It keeps its own concurrency;')]);
    const late = await batch(...args, '--deadline', '2020-01-01', '--yes');
    expect([late.code, late.stderr]).toEqual([2, expect.stringContaining('has passed')]);
    // Without the id it is another batch, and says of which erases another has them too.
    const twice = await batch('start', list, '--recipe', 'subtitles', '--yes', '-o', 'json');
    expect(json(twice).batchId).toMatch(/^\d{4}-\d\d-\d\d-start-[0-9a-f]{4}$/);
    expect(twice.stderr).toContain('Beware: 2 of these erases are in batch spring too');
  });

  it('starts nothing of a backlog with a bad row, nor of one that is not what was planned', async () => {
    const before = await batches();
    const bad = await batch('start', file('bad2.csv', id(0), '5287999999999999999'), '--recipe', 'logo', '--yes');
    expect(bad.code).toBe(3);
    expect(bad.stderr).toContain('row 2, 5287999999999999999: file 5287999999999999999 does not exist');
    expect(bad.stderr).toContain('Nothing was started.');
    const list = file('changed.csv', id(0));
    const { source } = json(await batch('plan', list, '--recipe', 'logo', '-o', 'json'));
    file('changed.csv', id(0), id(1));
    const changed = await batch('start', list, '--recipe', 'logo', '--sha256', source.sha256, '--yes');
    expect([changed.code, changed.stderr]).toEqual([2, expect.stringContaining('it is not what was planned')]);
    expect(await batches()).toEqual(before);
  });

  it('publishes what a list in another encoding says, and an option in a file of PowerShell', async () => {
    const path = join(folder, 'gbk-start.csv');
    writeFileSync(path, iconv.encode(`fileId,publish\n${id(40)},"{""name"":""第一集""}"\n${id(41)},\n`, 'gbk'));
    writeFileSync(join(folder, 'publish.json'), Buffer.from('\ufeff{"name": "王芳"}\r\n', 'utf16le'));
    const shared = ['--recipe', 'logo', '--publish', `@${join(folder, 'publish.json')}`];
    const end = await batch('start', path, ...shared, '--encoding', 'GBK', '--id', 'gbk', '--yes');
    expect([end.code, end.stderr]).toEqual([0, expect.stringContaining('It runs')]);
    const { rows } = await stack.query(
      "select request #>> '{publish,name}' as name from batch_item where batch_id = 'gbk' order by number",
    );
    expect(rows).toEqual([{ name: '第一集' }, { name: '王芳' }]);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { otherPrices } from '../../src/cli/other-prices.js';
import { PRICE_LIST, type PriceItem, type PriceList, type PriceRow } from '../../src/contract/price-list.js';
import { type CliEnd, runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

let stack: EraseStack;
let folder: string;
let env: NodeJS.ProcessEnv;
/** The workers' price file: three times the list price. */
let dear: string;

beforeAll(async () => {
  stack = await EraseStack.start();
  folder = mkdtempSync(join(tmpdir(), 'prices-'));
  env = { ...stack.env, VOD_SUB_APP_ID: '1500000001', USER: 'ann' };
  dear = join(folder, 'dear.json');
  writeFileSync(dear, JSON.stringify(times(3)));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await stack.stop();
});
afterEach(async () => {
  await stack.stopWorkers();
  await stack.sql('delete from worker_prices');
});

/** The list price, times so many, for all items or for some. */
function times(factor: number, items = Object.keys(PRICE_LIST) as PriceItem[]): PriceList {
  const rows = Object.entries(PRICE_LIST).map(([item, { title, usdPerMinute }]) => {
    const by = items.includes(item as PriceItem) ? factor : 1;
    return [item, { title, usdPerMinute: usdPerMinute.map((usd) => usd * by) as unknown as PriceRow['usdPerMinute'] }];
  });
  return Object.fromEntries(rows) as unknown as PriceList;
}

const said = (prices: PriceList, now = true) => ({ prices, saidAt: new Date('2031-01-01T00:00:00Z'), now });
const cli = (...args: string[]) => runCli(args, env, { timeoutMs: 50_000 });
const json = ({ code, stdout, stderr }: CliEnd) => {
  if (stdout === '') throw new Error(`exit ${code}: ${stderr}`);
  return JSON.parse(stdout);
};
const list = async (name: string, files = 1) => {
  const requests = await Promise.all(Array.from({ length: files }, () => stack.request({ media: { duration: 60 } })));
  writeFileSync(join(folder, name), `fileId\n${requests.map(({ fileId }) => `${fileId}\n`).join('')}`);
  return join(folder, name);
};
/** A worker with that price file, when it has said so. */
const worker = async (priceFile?: string) => {
  await stack.startWorker(priceFile === undefined ? {} : { VOD_PRICE_FILE: priceFile });
  await eventually('the prices are said', async () =>
    (await stack.ledger.prices.said()).length > 0 ? true : undefined,
  );
};

const THREE_TIMES = {
  recipe: 'subtitles',
  resolution: '720p',
  usdPerMinute: 0.2239,
  workersUsdPerMinute: 0.6717,
  saidAt: expect.stringMatching(/^\d{4}-/),
  now: true,
};
const TOLD =
  /Workers book by other prices than this estimate: subtitles at 0\.6717 USD a minute of 720p, here at 0\.2239\.\nWhat is spent.*VOD_PRICE_FILE/s;

describe('the recipes that workers book at another price', () => {
  const cases: [string, PriceList, string[], string[]][] = [
    ['the same list', PRICE_LIST, ['subtitles', 'raw'], []],
    [
      'the same prices under other titles',
      { ...PRICE_LIST, privacy: { ...PRICE_LIST.privacy, title: 'x' } },
      ['faces-blur'],
      [],
    ],
    ['all dearer', times(3), ['subtitles', 'faces-blur'], ['subtitles', 'faces-blur']],
    ['one item dearer', times(2, ['privacy']), ['subtitles', 'faces-blur'], ['faces-blur']],
    ['an item of an option', times(2, ['ocrTranslate']), ['subtitles-extract', 'subtitles'], ['subtitles-extract']],
    [
      'any item, where only the parameters tell',
      times(2, ['privacy']),
      ['raw', 'smart-erase-task'],
      ['raw', 'smart-erase-task'],
    ],
    ['cheaper', times(0.5, ['logoBasic']), ['logo-basic', 'logo'], ['logo-basic']],
  ];
  it.each(cases)('%s', (_name, there, recipes, differ) => {
    expect((otherPrices([said(there)], PRICE_LIST, recipes) ?? []).map(({ recipe }) => recipe)).toEqual(differ);
  });

  it('are told for each list that workers have, and none for no worker', () => {
    expect(otherPrices([], PRICE_LIST)).toBeUndefined();
    const found = otherPrices([said(times(2)), said(PRICE_LIST), said(times(3), false)], PRICE_LIST, ['subtitles']);
    expect(found).toEqual([
      { ...THREE_TIMES, workersUsdPerMinute: 0.4478, saidAt: '2031-01-01T00:00:00.000Z' },
      { ...THREE_TIMES, saidAt: '2031-01-01T00:00:00.000Z', now: false },
    ]);
  });
});

describe('what workers said of their prices', () => {
  it('counts for three minutes; after that only the last does', async () => {
    const { prices } = stack.ledger;
    await prices.say(PRICE_LIST);
    await prices.say(times(2));
    await prices.say(times(2));
    expect((await prices.said()).map((each) => [each.prices.privacy.usdPerMinute[0], each.now])).toEqual([
      [0.2986, true],
      [0.1493, true],
    ]);
    await stack.sql("update worker_prices set seen_at = seen_at - interval '4 minutes'");
    expect((await prices.said()).map((each) => [each.prices.privacy.usdPerMinute[0], each.now])).toEqual([
      [0.2986, false],
    ]);
    await prices.say(PRICE_LIST);
    expect((await prices.said()).map((each) => [each.prices.privacy.usdPerMinute[0], each.now])).toEqual([
      [0.1493, true],
    ]);
  });
});

describe('a plan with other prices than the workers', () => {
  it('is told by plan and by start, before anything is started', async () => {
    await worker(dear);
    const file = await list('told.csv');
    const planned = await cli('batch', 'plan', file, '--recipe', 'subtitles');
    expect([planned.code, planned.stderr]).toEqual([0, expect.stringMatching(TOLD)]);
    expect(json(await cli('batch', 'plan', file, '--recipe', 'subtitles', '-o', 'json')).pricesDiffer).toEqual([
      THREE_TIMES,
    ]);
    // Asked, and nobody there to answer: it was told, and nothing was started.
    const asked = await cli('batch', 'start', file, '--recipe', 'subtitles');
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringMatching(TOLD)]);
    expect(await stack.outcomes('ProcessMediaByMPS')).toEqual([]);
    const started = await cli('batch', 'start', file, '--recipe', 'subtitles', '--id', 'told', '--yes', '-o', 'json');
    expect([started.code, started.stderr]).toEqual([0, expect.stringMatching(TOLD)]);
    expect(json(started)).toMatchObject({ batchId: 'told', pricesDiffer: [THREE_TIMES] });
  });

  it('is not told where both have the same file, nor while no worker is known', async () => {
    const file = await list('same.csv');
    const plan = ['batch', 'plan', file, '--recipe', 'subtitles', '-o', 'json'];
    const unknown = await cli(...plan);
    expect([json(unknown).pricesDiffer, unknown.stderr]).toEqual([undefined, expect.not.stringContaining('prices')]);
    await worker(dear);
    const same = await runCli(plan, { ...env, VOD_PRICE_FILE: dear });
    expect([json(same).pricesDiffer, same.stderr]).toEqual([undefined, expect.not.stringContaining('prices')]);
  });

  it('says whose prices they are when no worker runs any more', async () => {
    await stack.ledger.prices.say(times(3));
    await stack.sql("update worker_prices set seen_at = seen_at - interval '1 day'");
    const { stderr } = await cli('batch', 'plan', await list('gone.csv'), '--recipe', 'subtitles');
    expect(stderr).toMatch(/No worker runs; the last that did, at \d{4}-\S+, booked by other prices/);
  });

  it('is told by redrive', async () => {
    await stack.ledger.prices.say(times(3));
    const file = await list('redriven.csv');
    const started = await cli('batch', 'start', file, '--recipe', 'subtitles', '--id', 'again', '--yes');
    expect(started.code).toBe(0);
    // Its end, as an operator's drain before any worker would have it.
    await stack.sql(`update batch_item set state = 'skipped', ended_at = clock_timestamp() where batch_id = 'again'`);
    await stack.sql(
      `update batch set state = 'ended', ended_as = 'drained', ended_at = clock_timestamp() where id = 'again'`,
    );
    const dry = await cli('batch', 'redrive', 'again', '--dry-run', '-o', 'json');
    expect([dry.code, dry.stderr]).toEqual([
      0,
      expect.stringMatching(/Workers book by other prices than those of this shell/),
    ]);
    expect(json(dry).pricesDiffer).toContainEqual(THREE_TIMES);
  });

  it('is told by a trial, whose limit counts the dearest prices', async () => {
    await worker(dear);
    const { fileId } = await stack.request({ media: { duration: 60 } });
    const trial = ['trial', fileId, '--recipe', 'subtitles', '--yes', '--out', join(folder, 'trial')];
    const above = await cli(...trial, '--max-cost', '0.5');
    expect([above.code, above.stderr]).toEqual([
      10,
      expect.stringMatching(/0\.6717 USD by estimate.*other prices.*Nothing was started/s),
    ]);
    expect(await stack.outcomes('ProcessMediaByMPS', fileId)).toEqual([]);
  });
});

describe('doctor', () => {
  const prices = async (more: NodeJS.ProcessEnv = {}) => {
    const { stdout } = await runCli(['doctor', '-o', 'json'], { ...env, ...more });
    return (JSON.parse(stdout) as { checks: { name: string }[] }).checks.filter(({ name }) => name === 'Prices');
  };

  it('warns of workers that book by different lists, and of a shell that plans by another', async () => {
    expect(await prices()).toEqual([]);
    await stack.ledger.prices.say(times(3));
    expect(await prices({ VOD_PRICE_FILE: dear })).toEqual([]);
    expect(await prices()).toEqual([
      expect.objectContaining({ verdict: 'warn', found: expect.stringMatching(/workers book .* plans made here/) }),
    ]);
    await stack.ledger.prices.say(PRICE_LIST);
    expect(await prices()).toEqual([
      expect.objectContaining({
        verdict: 'warn',
        found: expect.stringMatching(/workers book by 2 price lists: logo-basic/),
      }),
    ]);
  });
});

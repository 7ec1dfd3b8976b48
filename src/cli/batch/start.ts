import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import type { BatchSettings } from '../../contract/batch.js';
import { EXIT } from '../../contract/error-classes.js';
import type { BatchRecord } from '../../ledger/batches/batch-store.js';
import { outputOf } from '../command-context.js';
import { confirm } from '../confirm.js';
import { Exit, UsageError } from '../exit.js';
import { withLedger } from '../holds.js';
import { duration, nonNegativeNumber, positiveInteger, time } from '../option-parsers.js';
import type { PriceDifference } from '../other-prices.js';
import type { Column, Output } from '../output.js';
import { mustSayWho, reasonIfGiven } from '../who-and-why.js';
import { feedBatch } from './feed.js';
import type { Loaded, PricedPlan } from './load.js';
import { batchId, type Share, sample, tolerated } from './parse.js';
import { SOURCE_HELP, type SourceOptions, withSourceOptions } from './source-options.js';

interface StartOptions extends SourceOptions {
  concurrency: number;
  tolerate?: Share | 'any';
  minSample?: number;
  maxCost?: number;
  sample?: Share;
  deadline?: Date;
  id?: string;
  sha256?: string;
  yes?: boolean;
  watch?: boolean;
  every?: number;
  reason?: string;
}

/** Runs in flight that saturate the vendor's rate while a task takes eight minutes. */
const DEFAULT_CONCURRENCY = 10_000;
/**
 * Items that must have ended before the failure percentage is checked, so that early failures alone do not stop a batch. Our
 * choice: a tenth of the batch, within these limits.
 */
const DEFAULT_MIN_SAMPLE = { part: 0.1, least: 20, most: 100 };
/** Maximum length of the part of a generated id that comes from the source's name. */
const MAX_SLUG = 40;

interface Started {
  batchId: string;
  items: number;
  estimatedUsd: number;
  /** False: a batch of the same id and content already existed. */
  created: boolean;
  /** Recipes that workers book at other prices than those of the estimate. */
  pricesDiffer?: PriceDifference[] | undefined;
}

const STARTED_COLUMNS: readonly Column<Started>[] = [
  { heading: 'Batch', of: (row) => row.batchId },
  { heading: 'Items', of: (row) => row.items },
  { heading: 'Estimated USD', of: (row) => row.estimatedUsd.toFixed(2) },
];

export function batchStartCommand(): Command {
  return withSourceOptions(new Command('start'))
    .description('check and price a backlog, ask, and start it')
    .option('--concurrency <n>', 'most runs in flight', positiveInteger, DEFAULT_CONCURRENCY)
    .option(
      '--tolerate <share>',
      'failures that do not stop it: 5% of those that ended, 200, or any (default: any)',
      tolerated,
    )
    .option(
      '--min-sample <n>',
      'items that must have ended before a percentage counts (default: a tenth of them, 20 to 100)',
      positiveInteger,
    )
    .option('--max-cost <usd>', 'nothing is started that would pass it, by estimate', nonNegativeNumber)
    .option(
      '--sample <share>',
      'start so many first, 1% (rounded up, one item at least) or 20, then wait for `batch go`',
      sample,
    )
    .option(
      '--deadline <time>',
      'what is not started by then is never started; a day is its first moment, in UTC',
      time,
    )
    .option('--id <id>', 'of the batch (default: made of date and name); the same again starts nothing twice', batchId)
    .option('--reason <text>', 'why; it is kept')
    .option('--sha256 <digits>', 'refuse a source that is not the one that was planned')
    .option('--watch', 'follow it to its end; with -o json only the end is printed')
    .option('--every <time>', 'with --watch, without a terminal: from one line to the next (default: 1m)', duration)
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      `${SOURCE_HELP}\n\nThe items are in the ledger when it starts: the file and this shell are not needed any more.\n\nExamples:\n` +
        '  smart-erase batch start list.csv --recipe subtitles --sample 20 --tolerate 5%\n' +
        '  smart-erase batch start list.csv --recipe logo --id library-2031 --max-cost 500 --yes -o json',
    )
    .action(async (file: string | undefined, options: StartOptions, command: Command) => {
      const output = outputOf(command);
      if (file === '-' && !options.yes) {
        throw new UsageError(
          'Standard input cannot be both the backlog and the answer.',
          'Look with `batch plan -`, then give --yes.',
        );
      }
      // Checked before a large file is read.
      if (options.deadline !== undefined && options.deadline.getTime() <= Date.now()) {
        throw new UsageError(
          `The deadline ${options.deadline.toISOString()} has passed: nothing would be started.`,
          'Give a later --deadline, or none.',
        );
      }
      mustSayWho(options.requestedBy, 'asks', '--requested-by');
      if (options.payAgain && options.reason === undefined) {
        throw new UsageError('--pay-again needs --reason: paying twice needs one.');
      }
      reasonIfGiven(options.reason);
      if (options.every !== undefined && !options.watch) {
        throw new UsageError(
          '--every needs --watch.',
          'Give --watch too, or follow the batch later with `batch watch`.',
        );
      }
      const { withPlan } = await import('./load.js');
      const started = await withPlan(file, options, output, (loaded) => copy(output, loaded, options));
      await feedBatch(output, started.batchId);
      if (!options.watch || output.format !== 'json') output.one(started, STARTED_COLUMNS);
      sayHowToGoOn(output, started);
      if (!options.watch) return;
      const { watchBatch } = await import('./watch.js');
      const code = await withLedger((ledger) =>
        watchBatch(output, ledger, started.batchId, { everyMs: options.every }),
      );
      if (code !== EXIT.ok) throw new Exit(code);
    });
}

/** Copies the plan into the ledger atomically, after validation and confirmation. */
async function copy(output: Output, { plan, staging, ledger }: Loaded, options: StartOptions): Promise<Started> {
  const { showPlan, tellRemarks } = await import('./show-plan.js');
  checkDigest(plan, options);
  const existing = options.id === undefined ? null : await ledger.batches.find(options.id);
  if (existing !== null) return await sameAs(output, existing, { plan, staging, ledger, options });
  if (plan.problems > 0) {
    await showPlan(output, plan, staging);
    output.say('Nothing was started.');
    throw new Exit(EXIT.badInput);
  }
  for (const [heading, text] of await totalsOf(plan)) output.sayStyled('bold', heading.padEnd(17), ` ${text}`);
  await tellRemarks(output, plan, ledger);
  if (plan.items === 0) {
    output.say('Nothing to start.');
    throw new Exit(EXIT.nothingToDo);
  }
  if (options.maxCost !== undefined && plan.estimatedUsd > options.maxCost) {
    output.say(`It would pass --max-cost: it stops at ${options.maxCost.toFixed(2)} USD, with items left.`);
  }
  for (const { batchId, namespace, items } of await staging.overlapping()) {
    const where = namespace === ledger.namespace ? '' : ` of the namespace "${namespace}"`;
    output.say(
      `Beware: ${items} of these erases are in batch ${batchId}${where} too, which has not ended. None is paid for twice.`,
    );
  }
  await confirm(output, `Start ${plan.items} erases for about ${plan.estimatedUsd.toFixed(2)} USD?`, {
    yes: options.yes === true,
  });
  const id = options.id ?? madeId(plan);
  const { loadPrefix } = await import('../../config/temporal-settings.js');
  const created = await staging.copy({
    id,
    prefix: loadPrefix(process.env),
    settings: settingsOf(plan, options),
    source: plan.source,
    estimatedUsd: plan.estimatedUsd,
    parent: null,
    requestedBy: mustSayWho(options.requestedBy, 'asks', '--requested-by'),
    reason: reasonIfGiven(options.reason),
  });
  if (!created) {
    const there = await ledger.batches.find(id);
    if (there !== null) return await sameAs(output, there, { plan, staging, ledger, options });
  }
  return {
    batchId: id,
    items: plan.items,
    estimatedUsd: plan.estimatedUsd,
    created: true,
    pricesDiffer: plan.pricesDiffer,
  };
}

/** A repeated start returns its existing batch; a different backlog or request must not reuse the id. */
async function sameAs(
  output: Output,
  batch: BatchRecord,
  { plan, staging, ledger, options }: Loaded & { options: StartOptions },
): Promise<Started> {
  const { source } = plan;
  const { sha256, name, kind } = batch.source;
  const another = (what: string) =>
    new UsageError(
      `There is a batch ${batch.id} already, of ${name}, ${what}; nothing was changed.`,
      'Give another --id.',
    );
  if (batch.namespace !== ledger.namespace) throw another(`in the namespace "${batch.namespace}"`);
  if (kind !== source.kind || (sha256 === null ? name !== source.name : sha256 !== source.sha256)) {
    throw another('whose content is another');
  }
  // A library may have grown since the batch was made. A file is fixed, so each of its erases must be in the batch.
  const missing = await staging.notIn(batch.id);
  if (missing > 0 && (kind !== 'library' || missing === plan.items)) {
    throw another(`and ${missing} of these ${plan.items} erases are not in it (another recipe, or other options)`);
  }
  const other = differentSettings(batch.settings, options);
  if (other.length > 0) {
    output.say(
      `It keeps its own ${other.join(', ')}; \`smart-erase batch set ${batch.id}\` changes what can be changed.`,
    );
  }
  if (batch.endedAs !== null) output.say(`It has ended (${batch.endedAs}): to run what failed again, redrive it.`);
  return {
    batchId: batch.id,
    items: batch.total,
    estimatedUsd: batch.estimatedUsd ?? 0,
    created: false,
    pricesDiffer: plan.pricesDiffer,
  };
}

/** Settings given now that differ from those of the existing batch. */
function differentSettings(is: BatchSettings, { concurrency, tolerate, maxCost, deadline }: StartOptions): string[] {
  const asked: [string, unknown, unknown][] = [
    ['concurrency', concurrency === DEFAULT_CONCURRENCY ? undefined : concurrency, is.concurrency],
    ['tolerance', tolerate === 'any' ? null : tolerate, is.tolerate],
    ['budget', maxCost, is.maxCostUsd],
    ['deadline', deadline?.toISOString(), is.deadlineAt],
  ];
  return asked
    .filter(([, now, then]) => now !== undefined && JSON.stringify(now) !== JSON.stringify(then))
    .map(([what]) => what);
}

function checkDigest({ source }: PricedPlan, { sha256 }: StartOptions): void {
  if (sha256 === undefined || sha256.toLowerCase() === source.sha256) return;
  throw new UsageError(
    `${source.name} has the SHA-256 ${source.sha256 ?? '(none)'}, not ${sha256}: it is not what was planned. Nothing was started.`,
    'Plan it again.',
  );
}

/** The totals shown with the confirmation. */
async function totalsOf(plan: PricedPlan): Promise<[string, string][]> {
  const { PLAN_COLUMNS } = await import('./show-plan.js');
  return PLAN_COLUMNS.flatMap(({ heading, of }) => {
    const text = of(plan);
    if (text === null || text === undefined || text === '') return [];
    return [[heading, String(text).replaceAll('\n', `\n${' '.repeat(16)}`)]];
  });
}

function settingsOf({ items }: PricedPlan, options: StartOptions): BatchSettings {
  const { sample: part } = options;
  return {
    concurrency: options.concurrency,
    tolerate: options.tolerate === undefined || options.tolerate === 'any' ? null : options.tolerate,
    minSample: options.minSample ?? defaultMinSample(items),
    maxCostUsd: options.maxCost ?? null,
    sampleSize: part === undefined ? null : 'count' in part ? part.count : Math.ceil((items * part.percent) / 100),
    deadlineAt: options.deadline?.toISOString() ?? null,
  };
}

function defaultMinSample(items: number): number {
  const { part, least, most } = DEFAULT_MIN_SAMPLE;
  return Math.min(most, Math.max(least, Math.ceil(items * part)));
}

/** `2031-05-17-spring-list-3fa2`. */
function madeId({ source }: PricedPlan): string {
  const day = new Date().toISOString().slice(0, 'YYYY-MM-DD'.length);
  const base = source.kind === 'library' ? 'library' : (source.name.split('/').at(-1) ?? '').replace(/\.\w+$/, '');
  const slug = base
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_SLUG)
    .replace(/^-+|-+$/g, '');
  return [day, slug, randomBytes(2).toString('hex')].filter((part) => part !== '').join('-');
}

function sayHowToGoOn(output: Output, { batchId: id, created }: Started): void {
  output.say(created ? 'It runs, whatever becomes of this shell.' : 'It was there already; nothing was started twice.');
  output.say(`  smart-erase batch watch ${id}`);
  output.say(`  smart-erase batch pause ${id} --reason "…"`);
  output.say(`  smart-erase batch results ${id} --out FOLDER`);
}

import { Command } from 'commander';
import type { BatchSettings } from '../../contract/batch.js';
import { EXIT } from '../../contract/error-classes.js';
import type {
  LeftOutItem,
  RedriveGroup,
  RedriveKind,
  Redriven,
  RedrivePlan,
  RedriveSelection,
} from '../../ledger/batches/batch-redrive.js';
import type { TooLargeItem } from '../../ledger/batches/redrive-size.js';
import { outputOf } from '../command-context.js';
import { confirm } from '../confirm.js';
import { Exit, UsageError } from '../exit.js';
import { withLedger } from '../holds.js';
import { positiveInteger, positiveNumber } from '../option-parsers.js';
import { otherPrices, type PriceDifference, tellOtherPrices } from '../other-prices.js';
import type { Column, Output } from '../output.js';
import { mustSayWho, reasonIfGiven, whoIsHere } from '../who-and-why.js';
import { refuseOtherNamespace } from './control.js';
import { feedBatch } from './feed.js';

interface RedriveOptions {
  failed?: boolean;
  notStarted?: boolean;
  class?: string[];
  code?: string[];
  payAgain?: boolean;
  reason?: string;
  by?: string;
  id?: string;
  concurrency?: number;
  maxCost?: number;
  dryRun?: boolean;
  yes?: boolean;
}

/** Printed output: the new batch, or with --dry-run the batch that would be created. */
interface RedrivePrinted {
  batchId: string | null;
  parentBatchId: string;
  items: number;
  estimatedUsd: number;
  /** Items priced without a known file length. */
  unpriced: number;
  byKind: Partial<Record<RedriveKind, number>>;
  /** Left out because they need --pay-again. */
  needPayAgain: number;
  leftOut: LeftOutItem[];
  /** Left out because the request would exceed the size limit of a run. */
  tooLarge: TooLargeItem[];
  /** Recipes that workers book at other prices than those of this shell. */
  pricesDiffer?: PriceDifference[] | undefined;
  elsewhere: { batchId: string; items: number }[];
}

/** Number of left-out items listed by name; the others are counted. */
const NAMED = 20;
/** Maximum length of a batch id; see the request schema. */
const MAX_ID = 100;

const MEANING: Readonly<Record<RedriveKind, string>> = {
  unpaid: 'nothing was paid: submitted',
  done: 'paid for, and done: taken up, no cost',
  running: 'may still run at the vendor: read, no cost',
  inDoubt: 'in doubt: looked for first, and submitted where no task is found',
  rejected: 'paid for, and the result was rejected in review',
  lost: 'paid for, and the result is lost',
  failed: 'paid for, and the task failed',
  forbidden: 'was not to be paid for (neverPay)',
};

const FIELDS: readonly Column<RedrivePrinted>[] = [
  { heading: 'Batch', of: (row) => row.batchId },
  { heading: 'Redrives', of: (row) => row.parentBatchId },
  { heading: 'Items', of: (row) => row.items },
  { heading: 'Estimated USD', of: (row) => row.estimatedUsd.toFixed(2) },
  { heading: 'Left out', of: (row) => row.needPayAgain || null },
];

export function batchRedriveCommand(): Command {
  return new Command('redrive')
    .description('run again what did not succeed in a batch that has ended: a new batch, of those items only')
    .argument('<batch>', 'id of the batch')
    .option('--failed', 'what failed or timed out (default: also what was cancelled or skipped)')
    .option('--not-started', 'what was never started')
    .option('--class <class...>', 'only of these error classes')
    .option('--code <code...>', 'only of these codes')
    .option('--pay-again', 'also what was paid for and lost: pays once more for each (needs --reason)')
    .option('--reason <text>', 'why; it is kept')
    .option('--by <name>', 'who; it is kept', whoIsHere())
    .option('--id <id>', 'of the new batch (default: that of the old one with -redrive-1, -redrive-2, …)')
    .option('--concurrency <n>', 'most runs in flight (default: as the batch had)', positiveInteger)
    .option('--max-cost <usd>', 'limit of the new batch (default: none)', positiveNumber)
    .option('--dry-run', 'show what it would be, and change nothing')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      '\nWhat succeeded is never submitted again. What may still run at the vendor is read, not submitted.\n\n' +
        'Examples:\n  smart-erase batch redrive library-2031 --failed\n' +
        '  smart-erase batch redrive library-2031 --class expired --pay-again --reason "the workers were down"',
    )
    .action(async (batchId: string, options: RedriveOptions, command: Command) => {
      const output = outputOf(command);
      if (options.payAgain && options.reason === undefined) {
        throw new UsageError('--pay-again needs --reason: paying twice needs one.');
      }
      const reason = reasonIfGiven(options.reason);
      const requestedBy = options.dryRun ? null : mustSayWho(options.by, 'decides', '--by');
      const selection: RedriveSelection = {
        batchId,
        failed: options.failed === true,
        notStarted: options.notStarted === true,
        classes: options.class ?? [],
        codes: options.code ?? [],
      };
      const { loadPrices } = await import('../../config/settings.js');
      const prices = loadPrices();
      await withLedger(async (ledger) => {
        const { redrives } = ledger;
        await refuseOtherNamespace(ledger, batchId);
        const adds = (redriven: number) => ({
          newBatchId: idOf(batchId, redriven, options),
          payAgainReason: options.payAgain ? reason : null,
        });
        const plan = await redrives.plan(selection, { list: NAMED, adds });
        if (plan === null) {
          throw new UsageError(`There is no batch ${batchId}.`, 'List them with `smart-erase batch list`.');
        }
        const printed = summaryOf(batchId, plan, options, otherPrices(await ledger.prices.said(), prices));
        if (!options.dryRun) refuseUnlessEnded(output, batchId, plan);
        tell(output, plan, printed);
        if (printed.estimatedUsd > 0) tellOtherPrices(output, printed.pricesDiffer, 'those of this shell');
        if (options.dryRun) return output.one(printed, FIELDS);
        if (printed.items === 0) {
          output.say('Nothing to redrive.');
          throw new Exit(EXIT.nothingToDo);
        }
        const { newBatchId, payAgainReason } = adds(plan.redrives);
        await confirm(output, `Start batch ${newBatchId} of ${printed.items} items?`, { yes: options.yes === true });
        const { loadPrefix } = await import('../../config/temporal-settings.js');
        const written = await redrives.create({
          ...selection,
          newBatchId,
          prefix: loadPrefix(process.env),
          settings: settingsOf(plan.settings, options),
          requestedBy,
          reason,
          payAgainReason,
        });
        const created = createdOf(written, newBatchId);
        await feedBatch(output, newBatchId);
        output.one({ ...printed, ...created, batchId: newBatchId }, FIELDS);
        output.say(`Follow it with: smart-erase batch status ${newBatchId}`);
      });
    });
}

function summaryOf(
  parentBatchId: string,
  { groups, leftOut, elsewhere, tooLarge }: RedrivePlan,
  options: RedriveOptions,
  pricesDiffer: PriceDifference[] | undefined,
) {
  const isLeftOut = ({ kind }: RedriveGroup) => !options.payAgain && NEEDS_LEAVE.has(kind);
  const taken = groups.filter((group) => !isLeftOut(group));
  const sum = (of: (group: RedriveGroup) => number, from = taken) => from.reduce((so, group) => so + of(group), 0);
  const printed: RedrivePrinted = {
    batchId: null,
    parentBatchId,
    items: sum((group) => group.items),
    estimatedUsd: sum((group) => group.estimatedUsd),
    unpriced: sum((group) => group.unpriced),
    byKind: Object.fromEntries(groups.map(({ kind, items }) => [kind, items])),
    needPayAgain: sum((group) => group.items, groups.filter(isLeftOut)),
    leftOut: options.payAgain ? [] : leftOut,
    tooLarge,
    pricesDiffer,
    elsewhere,
  };
  return printed;
}

/** Repeated here so that help and completion do not load the ledger; a test compares it with `NEEDS_PAY_AGAIN`. */
export const NEEDS_LEAVE: ReadonlySet<RedriveKind> = new Set<RedriveKind>(['rejected', 'lost', 'failed', 'forbidden']);

function refuseUnlessEnded(output: Output, batchId: string, { state }: RedrivePlan): void {
  if (state === 'ended') return;
  output.say(`Batch ${batchId} has not ended (${state}): it is redriven when it has. See it with --dry-run.`);
  throw new Exit(EXIT.stillRunning);
}

/** Messages for a person; the JSON output has the same data. */
function tell(
  output: Output,
  plan: RedrivePlan,
  { needPayAgain, leftOut, elsewhere, tooLarge, unpriced }: RedrivePrinted,
): void {
  for (const group of plan.groups) {
    const usd = group.estimatedUsd > 0 ? `, ${group.estimatedUsd.toFixed(2)} USD` : '';
    output.say(`${String(group.items).padStart(8)}  ${MEANING[group.kind]}${usd}`);
  }
  if (unpriced > 0) output.say(`The price of ${unpriced} is not known.`);
  for (const { batchId, items } of elsewhere) {
    output.say(`${items} are in the redrive ${batchId} already: redrive that one.`);
  }
  if (tooLarge.length > 0) {
    output.say(`${tooLarge.length} are left out: they would be too large. A shorter --id, or --reason, may do.`);
    for (const { number, row, fileId, problem } of tooLarge.slice(0, NAMED)) {
      output.say(`  ${row === null ? `item ${number}` : `row ${row}`}  ${fileId}  ${problem}`);
    }
    if (tooLarge.length > NAMED) output.say(`  … and ${tooLarge.length - NAMED} more`);
  }
  if (needPayAgain === 0) return;
  output.say(`${needPayAgain} are left out: they would be paid for again (--pay-again --reason "…").`);
  for (const { number, row, fileId, kind, taskId } of leftOut) {
    output.say(
      `  ${row === null ? `item ${number}` : `row ${row}`}  ${fileId}  ${MEANING[kind]}  ${taskId ?? ''}`.trimEnd(),
    );
  }
  if (needPayAgain > leftOut.length) output.say(`  … and ${needPayAgain - leftOut.length} more`);
}

function idOf(parentId: string, redrives: number, { id }: RedriveOptions): string {
  const made = id ?? `${parentId}-redrive-${redrives + 1}`;
  if (made.length > MAX_ID || !/^[^\p{C}\p{Z}]+$/u.test(made)) {
    throw new UsageError(
      `The id ${made} cannot be used: at most ${MAX_ID} visible characters, no spaces.`,
      'Give one with --id.',
    );
  }
  return made;
}

/** Settings of the old batch, except its sample, deadline and budget. */
function settingsOf(settings: BatchSettings, { concurrency, maxCost }: RedriveOptions): BatchSettings {
  return {
    ...settings,
    concurrency: concurrency ?? settings.concurrency,
    maxCostUsd: maxCost ?? null,
    sampleSize: null,
    deadlineAt: null,
  };
}

function createdOf(written: Redriven, newBatchId: string): { items: number; estimatedUsd: number } {
  switch (written.kind) {
    case 'created':
      return { items: written.items, estimatedUsd: written.estimatedUsd };
    case 'exists':
      throw new UsageError(
        `There is a batch ${newBatchId} already; nothing was changed.`,
        'Give another one with --id.',
      );
    case 'nothing':
      throw new UsageError('These items were redriven by somebody else just now; nothing was changed.');
  }
}

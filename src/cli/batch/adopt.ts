import { Command } from 'commander';
import type { AdoptFile } from '../../backlog/adopt-file.js';
import type { BatchSettings } from '../../contract/batch.js';
import { EXIT } from '../../contract/error-classes.js';
import type { PublishRequest } from '../../contract/request.js';
import { visible } from '../../contract/visible.js';
import type { AdoptedItem } from '../../ledger/batches/batch-adopt.js';
import type { RowProblem } from '../../ledger/batches/batch-staging.js';
import { outputOf } from '../command-context.js';
import { confirm } from '../confirm.js';
import { durationText } from '../duration-text.js';
import { recipeOf } from '../erase-requests.js';
import { Exit, UsageError } from '../exit.js';
import { withLedger } from '../holds.js';
import { interruptible } from '../interrupt.js';
import { jsonArgument } from '../json-argument.js';
import { positiveInteger } from '../option-parsers.js';
import type { Column, Output } from '../output.js';
import { withVendor } from '../vendor.js';
import { mustSayWho, reasonIfGiven, whoIsHere } from '../who-and-why.js';
import { feedBatch } from './feed.js';
import { batchId, encoding } from './parse.js';

interface AdoptOptions {
  recipe?: string;
  recipeJson?: string;
  subAppId?: number;
  publish?: string;
  encoding?: string;
  requestedBy?: string;
  id?: string;
  unverified?: boolean;
  dryRun?: boolean;
  yes?: boolean;
  by?: string;
  reason?: string;
}

interface AdoptPrinted {
  batchId: string;
  items: number;
  /** Tasks to wait for. */
  tasks: number;
  /** Results that are only recorded. */
  results: number;
}

const FIELDS: readonly Column<AdoptPrinted>[] = [
  { heading: 'Batch', of: (row) => row.batchId },
  { heading: 'Items', of: (row) => row.items },
  { heading: 'Tasks', of: (row) => row.tasks },
  { heading: 'Results', of: (row) => row.results },
];

const PROBLEMS: readonly Column<RowProblem>[] = [
  { heading: 'ROW', of: (row) => row.row },
  { heading: 'SOURCE FILE', of: (row) => (row.fileId === null ? null : visible(row.fileId)) },
  { heading: 'PROBLEM', of: (row) => row.problem },
];

/** Adoption pays and submits nothing, so neither a budget nor a failure tolerance applies. */
const SETTINGS: BatchSettings = {
  concurrency: 10_000,
  tolerate: null,
  minSample: 0,
  maxCostUsd: null,
  sampleSize: null,
  deadlineAt: null,
};

export function batchAdoptCommand(): Command {
  return new Command('adopt')
    .description('take over what another program submitted: wait for its tasks, record its results, pay for nothing')
    .argument(
      '<file>',
      'CSV with the columns fileId, and taskId or resultFileId; - for standard input, or an https:// URL',
    )
    .option('--recipe <name>', 'what was erased, where a row does not say')
    .option("--recipe-json <json|'@file'>", "that recipe's options")
    .option('--sub-app-id <number>', 'where a row does not say (default: VOD_SUB_APP_ID)', positiveInteger)
    .option("--publish <json|'@file'>", 'what to do with the new files')
    .option('--encoding <name>', 'of the file, such as gb18030 or windows-1252 (default: UTF-8, or UTF-16)', encoding)
    .option('--requested-by <who>', 'who asked for the erases; kept in the ledger')
    .option('--id <id>', 'of the batch (default: adopted- and the time)', batchId)
    .option('--unverified', 'also tasks that do not tell their input: take them for what their row says')
    .option('--dry-run', 'only check the rows')
    .option('--by <name>', 'who takes over; it is kept', whoIsHere())
    .option('--reason <text>', 'why; it is kept')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      '\nEach row is checked with the vendor first. One that is not true stops all of it: nothing is written, exit code 3.\n\n' +
        'Examples:\n  smart-erase batch adopt running.csv --recipe subtitles --dry-run -o json\n' +
        '  smart-erase batch adopt running.csv --recipe subtitles --reason "the script is retired"',
    )
    .action(async (file: string, options: AdoptOptions, command: Command) => {
      const output = outputOf(command);
      // Checked before a vendor call is made for every row.
      if (!options.dryRun) mustSayWho(options.by, 'takes over', '--by');
      reasonIfGiven(options.reason);
      const read = await fileOf(file, options);
      const id = options.id ?? `adopted-${new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}`;
      if (read.claims.length + read.problems.length === 0) {
        output.say('The file has no rows.');
        throw new Exit(EXIT.nothingToDo);
      }
      const checked = await interruptible(
        () => output.say('Nothing was written.'),
        (signal) => checkAll(output, read, { unverified: options.unverified === true, signal }),
      );
      refuseIf(output, [...read.problems, ...checked.problems]);
      const results = checked.items.filter((item) => item.resultFileId !== null).length;
      const printed: AdoptPrinted = {
        batchId: id,
        items: checked.items.length,
        tasks: checked.items.length - results,
        results,
      };
      if (options.dryRun) return output.one(printed, FIELDS);
      output.say(`${printed.tasks} tasks to wait for, ${results} results to record. Nothing is paid.`);
      await confirm(output, `Adopt them as batch ${id}?`, { yes: options.yes === true });
      await write(output, id, read, checked.items, options);
      await feedBatch(output, id);
      output.one(printed, FIELDS);
      output.say(`Follow it with: smart-erase batch status ${id}`);
    });
}

async function fileOf(file: string, options: AdoptOptions): Promise<AdoptFile> {
  const { loadSettings } = await import('../../config/settings.js');
  const { loadPrefix } = await import('../../config/temporal-settings.js');
  const { readAdoptFile } = await import('../../backlog/adopt-file.js');
  const { SourceError } = await import('../../backlog/source.js');
  const { InvalidRequestError, UnavailableError } = await import('../../errors.js');
  const { allowedSubAppIds } = loadSettings(process.env, { need: ['vendor'] }).vendor;
  const recipe = options.recipe === undefined && options.recipeJson === undefined ? {} : { recipe: recipeOf(options) };
  const subAppId = options.subAppId ?? (Number(process.env.VOD_SUB_APP_ID) || undefined);
  const publish =
    options.publish === undefined ? {} : { publish: jsonArgument('--publish', options.publish) as PublishRequest };
  const asked = options.requestedBy === undefined ? {} : { requestedBy: options.requestedBy };
  try {
    const shared = { ...recipe, ...(subAppId === undefined ? {} : { subAppId }), ...publish, ...asked };
    const installation = { prefix: loadPrefix(process.env), allowedSubAppIds };
    return await readAdoptFile(file, shared, installation, { encoding: options.encoding });
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    const fields = { advice: error.advice ?? '', cause: error };
    if (error.kind === 'unavailable') throw new UnavailableError(error.message, fields);
    throw new InvalidRequestError([error.message], fields);
  }
}

async function checkAll(output: Output, { claims }: AdoptFile, options: { unverified: boolean; signal: AbortSignal }) {
  const { checkClaims } = await import('../../backlog/adopt-check.js');
  const startedAt = performance.now();
  let told = 0;
  return await withVendor((vod) =>
    checkClaims(vod, claims, {
      ...options,
      onProgress: (rows) => {
        if (rows - told < TOLD_EVERY) return;
        told = rows;
        const leftMs = ((performance.now() - startedAt) / rows) * (claims.length - rows);
        output.say(
          `${rows} of ${claims.length} rows checked with the vendor, about ${durationText(leftMs / 1_000)} left`,
        );
      },
    }),
  );
}

/** Rows between two progress messages. */
const TOLD_EVERY = 1_000;

async function write(
  output: Output,
  id: string,
  { source }: AdoptFile,
  items: readonly AdoptedItem[],
  { by, reason }: AdoptOptions,
): Promise<void> {
  const { loadPrefix } = await import('../../config/temporal-settings.js');
  const batch = {
    id,
    prefix: loadPrefix(process.env),
    settings: SETTINGS,
    source,
    estimatedUsd: 0,
    parent: null,
    requestedBy: mustSayWho(by, 'takes over', '--by'),
    reason: reasonIfGiven(reason),
  };
  const adopted = await withLedger(({ adoptions }) => adoptions.adopt(batch, items));
  if (adopted.kind === 'refused') refuseIf(output, adopted.problems);
  if (adopted.kind === 'exists') {
    throw new UsageError(`There is a batch ${id} already; nothing was written.`, 'Give another one with --id.');
  }
}

/** Reports all problems at once, so that the file needs only one correction. */
function refuseIf(output: Output, problems: readonly RowProblem[]): void {
  if (problems.length === 0) return;
  output.rows(
    problems.toSorted((a, b) => (a.row ?? 0) - (b.row ?? 0)),
    PROBLEMS,
  );
  output.say(`${problems.length} ${problems.length === 1 ? 'row is' : 'rows are'} wrong: nothing was written.`);
  throw new Exit(EXIT.badInput);
}

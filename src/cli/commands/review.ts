import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import type {
  EraseClient,
  EraseHandle,
  Expectation,
  ListedErase,
  ReviewAnswer,
  ReviewRejection,
} from '../../client.js';
import { EXIT } from '../../contract/error-classes.js';
import { outputOf, withClient } from '../command-context.js';
import { recipeOf } from '../erase-requests.js';
import { explain } from '../error-printer.js';
import { Exit, UsageError, worstExit } from '../exit.js';
import { decisionOf } from '../holds.js';
import { runId } from '../option-parsers.js';
import type { Column, Output } from '../output.js';
import type { ReviewedErase } from '../review/page.js';
import { whoIsHere } from '../who-and-why.js';

interface DecisionOptions {
  reason: string;
  by?: string;
  run?: string;
}

interface RejectOptions extends DecisionOptions {
  retryWith?: string;
  recipeJson?: string;
}

interface PageOptions {
  all?: boolean;
  out: string;
}

interface Decided extends Partial<ReviewAnswer> {
  workflowId: string;
  error: string | null;
}

const LIST_COLUMNS: readonly Column<ListedErase>[] = [
  { heading: 'WORKFLOW', of: (row) => row.workflowId },
  { heading: 'RECIPE', of: (row) => row.recipe },
  { heading: 'SOURCE FILE', of: (row) => row.review?.source.fileId },
  { heading: 'NEW FILE', of: (row) => row.review?.result.fileId },
  { heading: 'SINCE', of: (row) => row.review?.since },
  { heading: 'WITHOUT DECISION', of: ({ review }) => review && withoutDecision(review) },
];

const DECIDED_COLUMNS: readonly Column<Decided>[] = [
  { heading: 'WORKFLOW', of: (row) => row.workflowId },
  { heading: 'DECISION', of: (row) => row.decision ?? 'none' },
  { heading: 'OTHER RECIPE', of: (row) => row.retryWorkflowId },
  { heading: 'WHY NOT', of: (row) => row.error },
];

export function reviewCommand(): Command {
  return new Command('review')
    .description('results that wait for a decision: list, watch, approve, reject')
    .addHelpText(
      'after',
      '\nExamples:\n  smart-erase review list\n  smart-erase review page --all --out review.html\n  smart-erase review approve erase/key/order-17 --reason "looks right"',
    )
    .addCommand(listCommand())
    .addCommand(approveCommand())
    .addCommand(rejectCommand())
    .addCommand(pageCommand());
}

function listCommand(): Command {
  return new Command('list')
    .description('list erases that are in review')
    .action(async (_options: unknown, command: Command) => {
      const output = outputOf(command);
      output.rows(await withClient(inReview), LIST_COLUMNS, 'Nothing is in review.');
    });
}

function approveCommand(): Command {
  return deciding(new Command('approve').description('let results be published, or stand'))
    .addHelpText('after', '\nExample:\n  smart-erase review approve erase/key/order-17 --reason "looks right"')
    .action(async (ids: string[], options: DecisionOptions, command: Command) => {
      const decision = decisionOf(options);
      await decideEach(outputOf(command), ids, options, (handle, expect) => handle.approve({ ...decision, expect }));
    });
}

function rejectCommand(): Command {
  return deciding(new Command('reject').description('end erases as rejected; the file can be erased by another recipe'))
    .option('--retry-with <recipe>', 'start an erase of the same file by this recipe')
    .option("--recipe-json <json|'@file'>", "that recipe's options")
    .addHelpText(
      'after',
      '\nExamples:\n  smart-erase review reject erase/key/order-17 --reason "text left at 0:07"\n' +
        '  smart-erase review reject erase/key/order-17 --reason "logo came back" --retry-with logo',
    )
    .action(async (ids: string[], options: RejectOptions, command: Command) => {
      const rejection: ReviewRejection = decisionOf(options);
      if (options.retryWith !== undefined || options.recipeJson !== undefined) {
        rejection.retryWith = recipeOf({ recipe: options.retryWith, recipeJson: options.recipeJson }, '--retry-with');
      }
      await decideEach(outputOf(command), ids, options, (handle, expect) => handle.reject({ ...rejection, expect }));
    });
}

function pageCommand(): Command {
  return new Command('page')
    .description('write one HTML file that plays source and result side by side')
    .argument('[ids...]', 'workflow ids')
    .option('--all', 'all that are in review')
    .requiredOption('--out <file>', 'where to write it; an existing file is replaced')
    .addHelpText('after', '\nExample:\n  smart-erase review page --all --out review.html')
    .action(async (ids: string[], { all, out }: PageOptions, command: Command) => {
      const output = outputOf(command);
      if (ids.length > 0 === (all === true)) {
        throw new UsageError('Say which: workflow ids, or --all.', 'List them with `smart-erase review list`.');
      }
      const erases = await withClient((client) => (all ? allInReview(client) : theseInReview(client, ids)));
      if (erases.length === 0) {
        output.say('Nothing is in review.');
        throw new Exit(EXIT.nothingToDo);
      }
      const { reviewPage } = await import('../review/page.js');
      writePage(out, reviewPage(erases, new Date()));
      output.one({ file: out, erases: erases.length }, [
        { heading: 'Written', of: (row) => row.file },
        { heading: 'Erases', of: (row) => row.erases },
      ]);
    });
}

function deciding(command: Command): Command {
  return command
    .argument('<ids...>', 'workflow ids of erases in review')
    .option('--run <runId>', 'only if it is still this run, the one that was looked at', runId)
    .requiredOption('--reason <text>', 'why; it is kept')
    .option('--by <name>', 'who; it is kept', whoIsHere());
}

/** Decides sequentially; failures are reported at the end and do not stop the others. */
async function decideEach(
  output: Output,
  ids: readonly string[],
  { run }: DecisionOptions,
  decide: (handle: EraseHandle, expect: Expectation) => Promise<ReviewAnswer>,
): Promise<void> {
  if (run !== undefined && ids.length > 1) throw new UsageError('--run is the run of one erase.', 'Give one id.');
  const { EraseError } = await import('../../errors.js');
  const { rows, failures } = await withClient(async (client) => {
    const rows: Decided[] = [];
    const failures: unknown[] = [];
    for (const workflowId of new Set(ids)) {
      try {
        const { review, runId } = await client.getHandle(workflowId, run).status();
        // A status follows a run that was reset, but a decision applies to the named run.
        const looked = run ?? runId;
        const shown = { runId: looked, ...(review && { taskId: review.taskId }) };
        const answer = await decide(client.getHandle(workflowId, looked), shown);
        rows.push({ workflowId, ...answer, error: null });
      } catch (error) {
        if (!(error instanceof EraseError)) throw error;
        rows.push({ workflowId, error: error.message });
        failures.push(error);
      }
    }
    return { rows, failures };
  });
  if (rows.length === 1 && failures.length === 1) throw failures[0];
  output.rows(rows, DECIDED_COLUMNS);
  if (failures.length > 0) throw new Exit(worstExit(failures.map((error) => explain(error).exitCode)));
}

/** The list may lag by a second, so runs without a review are skipped. */
async function inReview(client: EraseClient): Promise<ListedErase[]> {
  const rows: ListedErase[] = [];
  for await (const row of client.list({ phase: 'review', status: 'running' })) if (row.review !== null) rows.push(row);
  return rows;
}

async function allInReview(client: EraseClient): Promise<ReviewedErase[]> {
  const rows = await inReview(client);
  return rows.flatMap(({ workflowId, review }) => (review === null ? [] : [{ workflowId, review }]));
}

async function theseInReview(client: EraseClient, ids: readonly string[]): Promise<ReviewedErase[]> {
  const erases: ReviewedErase[] = [];
  const others: string[] = [];
  for (const workflowId of new Set(ids)) {
    const { review, phase } = await client.getHandle(workflowId).status();
    if (review === null) others.push(`${workflowId} is not in review (it is ${phase}).`);
    else erases.push({ workflowId, review });
  }
  if (others.length > 0) {
    const { InvalidRequestError } = await import('../../errors.js');
    throw new InvalidRequestError(others, { advice: 'List them with `smart-erase review list`.' });
  }
  return erases;
}

function writePage(file: string, html: string): void {
  try {
    writeFileSync(file, html);
  } catch (error) {
    throw new UsageError(`--out ${file} cannot be written: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

function withoutDecision({ timeoutAt, onTimeout, overdue }: NonNullable<ListedErase['review']>): string {
  return overdue ? `overdue since ${timeoutAt}` : `${onTimeout} at ${timeoutAt}`;
}

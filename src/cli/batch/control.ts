import { Command } from 'commander';
import { loadPrefix } from '../../config/temporal-settings.js';
import { batchWorkflowId, shownState } from '../../contract/batch.js';
import { EXIT } from '../../contract/error-classes.js';
import type { BatchAction, BatchChange, BatchRecord } from '../../ledger/batches/batch-store.js';
import type { Ledger } from '../../ledger/index.js';
import { outputOf } from '../command-context.js';
import { Exit, UsageError } from '../exit.js';
import { decisionOf, withLedger } from '../holds.js';
import type { Output } from '../output.js';
import { whoIsHere } from '../who-and-why.js';

export interface ChangeOptions {
  reason: string;
  by?: string;
}

export const batchPauseCommand = () =>
  control('pause', 'start nothing more until it is resumed; what runs goes on', 'the product film comes first');
export const batchResumeCommand = () =>
  control('resume', 'go on with a batch that was paused or is drained, and see that it is fed', 'the film is done');
export const batchDrainCommand = () =>
  control('drain', 'start nothing more, wait for what runs, and end; the rest is skipped', 'enough for today');
export const batchCancelCommand = () =>
  control(
    'cancel',
    'end it: what waits at the vendor is aborted, what is processed there runs on and is billed',
    'wrong folder',
  );
export const batchGoCommand = () =>
  control('go', 'the sample was good: go on with the others', 'all twenty look right');

function control(action: Exclude<BatchAction, 'set'>, does: string, example: string): Command {
  return withChangeOptions(new Command(action).description(does))
    .addHelpText('after', `\nExample:\n  smart-erase batch ${action} library-2026-05 --reason "${example}"`)
    .action(async (id: string, options: ChangeOptions, command: Command) => {
      const output = outputOf(command);
      await change(output, id, { action, ...decisionOf(options) });
      if (action !== 'pause') await seeThatItIsFed(output, id);
    });
}

export function withChangeOptions(command: Command): Command {
  return command
    .argument('<id>', 'of the batch')
    .requiredOption('--reason <text>', 'why; it is kept')
    .option('--by <name>', 'who; it is kept', whoIsHere());
}

/** Writes the requested change into the ledger, where each batch dispatcher reads it within seconds. */
export async function change(output: Output, id: string, wanted: BatchChange): Promise<void> {
  const changed = await withLedger(async ({ batches }) => {
    refuseOtherPrefix(await batches.find(id));
    return await batches.change(id, wanted);
  });
  if (changed.kind === 'none') throw noSuchBatch(id);
  if (changed.kind === 'elsewhere') throw otherNamespace(changed.batch);
  const { batch } = changed;
  if (changed.kind === 'tooLate') {
    output.say(
      batch.state === 'ended'
        ? `Batch ${id} has ended (${batch.endedAs}): there is nothing to ${wanted.action}.`
        : `Batch ${id} is being cancelled: there is nothing to ${wanted.action}.`,
    );
    throw new Exit(EXIT.nothingToDo);
  }
  if (changed.kind === 'same') output.say('It was so already.');
  if (wanted.action === 'resume' && shownState(batch.state, batch.waitingFor) === 'held') {
    output.say(`It is held: ${batch.waitingDetail}`);
    output.say(
      'When that is put right, this lets it go on, and the erases that are held: smart-erase resume --all --reason "…"',
    );
  }
  output.one(batch, [
    { heading: 'Batch', of: (row) => row.id },
    { heading: 'State', of: (row) => shownState(row.state, row.waitingFor) },
    { heading: 'Concurrency', of: (row) => row.settings.concurrency },
    { heading: 'Tolerates', of: (row) => tolerance(row.settings.tolerate) },
    { heading: 'Budget USD', of: (row) => row.settings.maxCostUsd },
  ]);
}

/** Installations may share a ledger; a batch of another prefix belongs to another dispatcher. */
function refuseOtherPrefix(batch: { id: string; workflowId: string } | null): void {
  const prefix = loadPrefix(process.env);
  if (batch === null || batch.workflowId === batchWorkflowId(batch.id, prefix)) return;
  throw new UsageError(
    `The batch ${batch.id} was written as ${batch.workflowId}, and here SMART_ERASE_PREFIX is "${prefix}". Nothing was changed.`,
    'Set SMART_ERASE_PREFIX to what it was started with.',
  );
}

/** @throws UsageError when the batch belongs to another namespace, whose runs are not visible from here */
export async function refuseOtherNamespace({ batches, namespace }: Ledger, id: string): Promise<void> {
  const batch = await batches.find(id);
  if (batch !== null && batch.namespace !== namespace) throw otherNamespace(batch);
}

function otherNamespace({ id, namespace }: BatchRecord): UsageError {
  return new UsageError(
    `The batch ${id} belongs to the namespace "${namespace}". Nothing was changed.`,
    `Set TEMPORAL_NAMESPACE=${namespace}.`,
  );
}

export function noSuchBatch(id: string): UsageError {
  return new UsageError(`There is no batch ${id}.`, 'List them with `smart-erase batch list`.');
}

export function tolerance(tolerate: { percent: number } | { count: number } | null): string {
  if (tolerate === null) return 'any number of failures';
  return 'count' in tolerate ? `${tolerate.count} failures` : `${tolerate.percent}% failures`;
}

/** The change is already in the ledger. If Temporal is unavailable, a worker starts the dispatcher later. */
async function seeThatItIsFed(output: Output, id: string): Promise<void> {
  const { startFeeder } = await import('../../client/batch.js');
  try {
    await startFeeder(id);
  } catch (error) {
    output.say(
      `It is written, but whether the batch is fed could not be made sure: ${error instanceof Error ? error.message : error} ` +
        'Workers that run look for it every minute.',
    );
  }
}

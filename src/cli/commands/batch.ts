import { Command } from 'commander';
import { batchListCommand } from '../batch/list.js';
import { batchResultsCommand } from '../batch/results.js';

/** Subcommands stand in `cli/batch/`, one file each. */
export function batchCommand(): Command {
  const batch = new Command('batch')
    .description('run a backlog: thousands of erases within the rate, a budget and a tolerance')
    .addHelpText('after', '\nExample:\n  smart-erase batch list');
  for (const command of [batchListCommand(), batchResultsCommand()]) batch.addCommand(command);
  return batch;
}

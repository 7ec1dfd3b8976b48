import { Command } from 'commander';
import { batchAdoptCommand } from '../batch/adopt.js';
import {
  batchCancelCommand,
  batchDrainCommand,
  batchGoCommand,
  batchPauseCommand,
  batchResumeCommand,
} from '../batch/control.js';
import { batchListCommand } from '../batch/list.js';
import { batchPlanCommand } from '../batch/plan.js';
import { batchRedriveCommand } from '../batch/redrive.js';
import { batchResultsCommand } from '../batch/results.js';
import { batchSetCommand } from '../batch/set.js';
import { batchStartCommand } from '../batch/start.js';
import { batchStatusCommand } from '../batch/status.js';
import { batchWatchCommand } from '../batch/watch.js';

/** The subcommands are in `cli/batch/`, one file each. */
export function batchCommand(): Command {
  const batch = new Command('batch')
    .description('run a backlog: thousands of erases within the rate, a budget and a tolerance')
    .addHelpText('after', '\nExample:\n  smart-erase batch list');
  for (const command of [
    batchPlanCommand(),
    batchStartCommand(),
    batchListCommand(),
    batchStatusCommand(),
    batchWatchCommand(),
    batchGoCommand(),
    batchPauseCommand(),
    batchResumeCommand(),
    batchDrainCommand(),
    batchCancelCommand(),
    batchSetCommand(),
    batchResultsCommand(),
    batchRedriveCommand(),
    batchAdoptCommand(),
  ])
    batch.addCommand(command);
  return batch;
}

import { Command } from 'commander';
import { EXIT } from '../../contract/error-classes.js';
import { outputOf, withClient } from '../command-context.js';
import { Exit } from '../exit.js';
import { decisionOf } from '../holds.js';
import { whoIsHere } from '../who-and-why.js';

export function cancelCommand(): Command {
  return new Command('cancel')
    .description('cancel an erase; its outcome says whether money was spent')
    .argument('<id>', 'its workflow id')
    .requiredOption('--reason <text>', 'why; it is kept in the history')
    .option('--by <name>', 'who; it is kept in the history', whoIsHere())
    .addHelpText(
      'after',
      '\nExample:\n  smart-erase cancel erase/key/order-17 --reason "wrong file" --by ann\n\n' +
        'The vendor can stop a task only before it begins; a task that runs on is billed, and `result` says so.\n' +
        `Exit code ${EXIT.nothingToDo} when it had ended already.`,
    )
    .action(async (id: string, options: { reason: string; by?: string }, command: Command) => {
      const output = outputOf(command);
      const { reason, by } = decisionOf(options);
      const outcome = await withClient((client) => client.getHandle(id).cancel(reason, by));
      output.one({ workflowId: id, outcome }, [
        { heading: 'Workflow', of: (row) => row.workflowId },
        { heading: 'Outcome', of: (row) => row.outcome },
      ]);
      if (outcome === 'already-ended') throw new Exit(EXIT.nothingToDo);
    });
}

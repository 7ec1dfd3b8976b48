import { Command } from 'commander';
import { EXIT } from '../../contract/error-classes.js';
import { outputOf } from '../command-context.js';
import { Exit } from '../exit.js';
import { SOURCE_HELP, type SourceOptions, withSourceOptions } from './source-options.js';

export function batchPlanCommand(): Command {
  return withSourceOptions(new Command('plan'))
    .description('check and price a backlog, and change nothing')
    .addHelpText(
      'after',
      `${SOURCE_HELP}\n\nWith bad rows it ends with 3, without any row with 9; -o json has every one of them.\n\nExamples:\n` +
        '  smart-erase batch plan list.csv --recipe subtitles --sub-app-id 1500000001\n' +
        '  smart-erase batch plan --library --class-id 12 --recipe logo -o json',
    )
    .action(async (file: string | undefined, options: SourceOptions, command: Command) => {
      const output = outputOf(command);
      const { withPlan } = await import('./load.js');
      const { showPlan, tellRemarks } = await import('./show-plan.js');
      const { problems, rows } = await withPlan(file, options, output, async ({ plan, staging, ledger }) => {
        await showPlan(output, plan, staging);
        await tellRemarks(output, plan, ledger);
        return { problems: plan.problems, rows: plan.source.rows };
      });
      if (problems > 0) throw new Exit(EXIT.badInput);
      if (rows > 0) return;
      output.say('There are no rows: nothing to do.');
      throw new Exit(EXIT.nothingToDo);
    });
}

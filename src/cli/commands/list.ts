import { Command, Option } from 'commander';
import type { ListedErase, ListOptions } from '../../client.js';
import { PHASE } from '../../contract/names.js';
import { outputOf, withClient } from '../command-context.js';
import { positiveInteger } from '../option-parsers.js';
import type { Column } from '../output.js';

const DEFAULT_LIMIT = 50;
/** The values of `ListedStatus`; a test keeps them equal. */
export const STATUSES = ['running', 'completed', 'failed', 'cancelled', 'terminated', 'timed_out'] as const;

const COLUMNS: readonly Column<ListedErase>[] = [
  { heading: 'WORKFLOW', of: (row) => row.workflowId },
  { heading: 'EXECUTION', of: (row) => row.execution },
  { heading: 'PHASE', of: (row) => row.phase },
  { heading: 'RECIPE', of: (row) => row.recipe },
  { heading: 'STARTED', of: (row) => row.startedAt },
  { heading: 'TASKID', of: (row) => row.taskId },
  { heading: 'HELD FOR', of: (row) => (row.held === null ? null : (row.held.code ?? row.held.class)) },
];

export function listCommand(): Command {
  return new Command('list')
    .description('list erases, newest first')
    .addOption(new Option('--phase <phase>', 'only those in this phase').choices(Object.values(PHASE)))
    .addOption(new Option('--status <status>', 'only those whose run is in this state').choices(STATUSES))
    .option('--batch <id>', 'only those of this batch')
    .option('--limit <n>', 'at most this many', positiveInteger, DEFAULT_LIMIT)
    .addHelpText(
      'after',
      '\nExamples:\n  smart-erase list --phase held\n  smart-erase list --status failed --limit 10 -o jsonl',
    )
    .action(async ({ batch, ...filter }: ListOptions & { batch?: string }, command: Command) => {
      const output = outputOf(command);
      const rows = await withClient(async (client) => {
        const found: ListedErase[] = [];
        for await (const row of client.list({ ...filter, batchId: batch })) found.push(row);
        return found;
      });
      output.rows(rows, COLUMNS, 'No erases.');
    });
}

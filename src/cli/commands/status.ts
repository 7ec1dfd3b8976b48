import { Command } from 'commander';
import type { EraseRunStatus } from '../../client.js';
import { outputOf, withClient } from '../command-context.js';
import type { Column } from '../output.js';

const COLUMNS: readonly Column<EraseRunStatus>[] = [
  { heading: 'Workflow', of: (status) => status.workflowId },
  { heading: 'Run', of: (status) => status.runId },
  { heading: 'Execution', of: (status) => status.execution },
  { heading: 'Phase', of: (status) => status.phase },
  { heading: 'Waiting for', of: (status) => status.waitingFor },
  { heading: 'Recipe', of: (status) => status.request?.recipe.name },
  { heading: 'Source file', of: (status) => status.fileId },
  { heading: 'TaskId', of: (status) => status.taskId },
  { heading: 'New file', of: (status) => status.resultFileId },
  { heading: 'Held', of: ({ held }) => held && `${held.class}${held.code ? ` (${held.code})` : ''}: ${held.message}` },
  { heading: 'Watch source', of: ({ review }) => review?.source.url },
  { heading: 'Watch result', of: ({ review }) => review?.result.url },
  { heading: 'Failure', of: ({ failure }) => failure && `${failure.class}: ${failure.message}` },
  { heading: 'RequestId', of: (status) => status.held?.requestId ?? status.failure?.requestId },
  { heading: 'Reused', of: (status) => (status.reused ? 'yes, this run paid nothing' : null) },
  { heading: 'Money spent', of: (status) => (status.moneySpent ? 'yes' : 'no') },
  { heading: 'Started', of: (status) => status.startedAt },
  { heading: 'Submitted', of: (status) => status.submittedAt },
  { heading: 'Deadline', of: (status) => (status.closedAt === null ? status.deadlineAt : null) },
  { heading: 'Closed', of: (status) => status.closedAt },
];

export function statusCommand(): Command {
  return new Command('status')
    .description('show where an erase is')
    .argument('<id>', 'its workflow id')
    .addHelpText(
      'after',
      '\nExample:\n  smart-erase status erase/1500000001/5285485487985271487/0123456789abcdef0123456789abcdef',
    )
    .action(async (id: string, _options: unknown, command: Command) => {
      const output = outputOf(command);
      output.one(await withClient((client) => client.getHandle(id).status()), COLUMNS);
    });
}

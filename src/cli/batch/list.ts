import { Command } from 'commander';
import { type BatchSnapshot, shownState } from '../../contract/batch.js';
import type { BatchRecord } from '../../ledger/batches/batch-store.js';
import { outputOf } from '../command-context.js';
import { withLedger } from '../holds.js';
import { positiveInteger } from '../option-parsers.js';
import type { Column } from '../output.js';

const DEFAULT_LIMIT = 20;

type Listed = Omit<BatchRecord, 'state'> & { state: BatchSnapshot['state'] };

const COLUMNS: readonly Column<Listed>[] = [
  { heading: 'BATCH', of: (row) => row.id },
  { heading: 'STATE', of: (row) => row.endedAs ?? row.state },
  { heading: 'WAITS FOR', of: (row) => row.waitingFor },
  { heading: 'ITEMS', of: (row) => row.total },
  { heading: 'ESTIMATED USD', of: (row) => row.estimatedUsd?.toFixed(2) },
  { heading: 'CREATED', of: (row) => row.createdAt.toISOString() },
  { heading: 'ENDED', of: (row) => row.endedAt?.toISOString() },
  { heading: 'SOURCE', of: (row) => row.source.name },
];

export function batchListCommand(): Command {
  return new Command('list')
    .description('list batches of this namespace, newest first')
    .option('--running', 'only those that have not ended')
    .option('--limit <n>', 'at most this many', positiveInteger, DEFAULT_LIMIT)
    .addHelpText('after', '\nExample:\n  smart-erase batch list --running -o json')
    .action(async ({ running, limit }: { running?: boolean; limit: number }, command: Command) => {
      const ended = running ? false : undefined;
      outputOf(command).rows(
        (await withLedger((ledger) => ledger.batches.list({ ended, limit }))).map((row) => ({
          ...row,
          state: shownState(row.state, row.waitingFor),
        })),
        COLUMNS,
        'No batches.',
      );
    });
}

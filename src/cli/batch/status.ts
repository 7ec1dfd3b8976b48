import { Command } from 'commander';
import { outputOf } from '../command-context.js';
import { withLedger } from '../holds.js';
import { noSuchBatch, refuseOtherNamespace } from './control.js';
import { SNAPSHOT_COLUMNS } from './snapshot-lines.js';

export function batchStatusCommand(): Command {
  return new Command('status')
    .description('show where a batch is, once')
    .argument('<id>', 'of the batch')
    .addHelpText('after', '\nExample:\n  smart-erase batch status library-2026-05 -o json')
    .action(async (id: string, _options: unknown, command: Command) => {
      const snapshot = await withLedger(async (ledger) => {
        await refuseOtherNamespace(ledger, id);
        return await ledger.batches.snapshot(id);
      });
      if (snapshot === null) throw noSuchBatch(id);
      outputOf(command).one(snapshot, SNAPSHOT_COLUMNS);
    });
}

import { Command } from 'commander';
import { EXIT } from '../../contract/error-classes.js';
import { refuseOtherNamespace } from '../batch/control.js';
import { outputOf, withClient } from '../command-context.js';
import { Exit } from '../exit.js';
import { decideAll, decisionOf, filterOf, type HoldOptions, withHoldOptions, withLedger } from '../holds.js';

export function skipCommand(): Command {
  return endCommand(
    'skip',
    'end held erases as skipped; those held in publishing succeed without it',
    '\nExample:\n  smart-erase skip erase/key/order-17 --reason "not needed any more"',
  );
}

export function abortCommand(): Command {
  return endCommand(
    'abort',
    'end held erases as aborted',
    '\nExample:\n  smart-erase abort --sub-app-id 1500000001 --reason "wrong sub-application"',
  );
}

function endCommand(update: 'skip' | 'abort', does: string, example: string): Command {
  return withHoldOptions(new Command(update).description(does))
    .addHelpText('after', example)
    .action(async (id: string | undefined, options: HoldOptions, command: Command) => {
      const output = outputOf(command);
      const filter = filterOf(id, options);
      const decision = decisionOf(options);
      const ended = await withLedger((ledger) =>
        withClient(async (client) => {
          if (options.batch !== undefined) await refuseOtherNamespace(ledger, options.batch);
          return await decideAll(ledger.holds, client, filter, update, decision);
        }),
      );
      output.one({ decision: update, ...ended }, [
        { heading: 'Decision', of: (row) => row.decision },
        { heading: 'Ended', of: (row) => String(row.done) },
        { heading: 'Not held any more', of: (row) => (row.gone === 0 ? null : String(row.gone)) },
      ]);
      if (ended.done === 0) throw new Exit(EXIT.nothingToDo);
    });
}

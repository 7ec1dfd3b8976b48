import { Command } from 'commander';
import { outputOf } from '../command-context.js';
import { explain, printError } from '../error-printer.js';
import { Exit, worstExit } from '../exit.js';

interface Step {
  name: string;
  /** What was changed, or null where nothing was necessary. */
  done: string | null;
  error: string | null;
}

interface SetupOptions {
  optional?: boolean;
  skipLedger?: boolean;
  skipTemporal?: boolean;
}

export function setupCommand(): Command {
  return new Command('setup')
    .description('register the search attributes and migrate the ledger; safe to repeat')
    .option('--optional', 'also the two search attributes that are used where they exist: EraseFileId, EraseBatchId')
    .option('--skip-ledger', 'search attributes only')
    .option('--skip-temporal', 'ledger only')
    .addHelpText('after', '\nExample:\n  smart-erase setup && smart-erase doctor')
    .action(async ({ skipLedger, skipTemporal, optional }: SetupOptions, command: Command) => {
      const output = outputOf(command);
      const errors: unknown[] = [];
      const steps: Step[] = [];
      const step = async (name: string, work: () => Promise<string>) => {
        try {
          steps.push({ name, done: await work(), error: null });
        } catch (error) {
          errors.push(error);
          steps.push({ name, done: null, error: explain(error).what.join(' ') });
        }
      };
      if (!skipTemporal) await step('search attributes', () => register(optional === true));
      if (!skipLedger) await step('ledger', migrate);
      output.rows(steps, [
        { heading: 'STEP', of: (row) => row.name },
        { heading: 'DONE', of: (row) => row.done ?? 'failed' },
      ]);
      const codes = errors.map((error) => printError(error, (line) => output.say(line)));
      if (codes.length > 0) throw new Exit(worstExit(codes));
    });
}

async function register(all: boolean): Promise<string> {
  const { loadSettings } = await import('../../config/settings.js');
  const { connectClient } = await import('../../temporal/connection.js');
  const { temporalError } = await import('../../temporal/service-errors.js');
  const { registerSearchAttributes } = await import('../../temporal/search-attributes.js');
  const { namesWith } = await import('../../contract/names.js');
  const { temporal } = loadSettings(process.env, { need: ['temporal'] });
  const names = namesWith(temporal.prefix);
  const { connection, address, namespace } = await connectClient(temporal);
  try {
    const added = await registerSearchAttributes(connection, namespace, names, { all });
    return added.length === 0 ? 'all there' : `registered ${added.map((key) => names.searchAttribute[key]).join(', ')}`;
  } catch (error) {
    throw temporalError(error, address);
  } finally {
    await connection.close();
  }
}

async function migrate(): Promise<string> {
  const { loadSettings } = await import('../../config/settings.js');
  const { migrateLedger } = await import('../../ledger/db/migrate.js');
  const { databaseUrl, temporal } = loadSettings(process.env, { need: ['database', 'temporal'] });
  const applied = await migrateLedger(databaseUrl.reveal(), { namespace: temporal.namespace });
  return applied.length === 0 ? 'up to date' : `applied ${applied.join(', ')}`;
}

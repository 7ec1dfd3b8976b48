import { Command } from 'commander';
import { EXIT } from '../../contract/error-classes.js';
import { outputOf } from '../command-context.js';
import { shellSettings } from '../dev/shell-settings.js';
import { Exit } from '../exit.js';
import { port } from '../option-parsers.js';
import { untilStopped } from '../stop-signal.js';

interface Flags {
  temporalPort?: number;
  uiPort?: number;
  simulatorPort?: number;
  databasePort?: number;
  data?: string;
  worker: boolean;
  simulator: boolean;
  verbose?: boolean;
}

export function devCommand(): Command {
  return new Command('dev')
    .description('run everything on this machine until Ctrl-C: Temporal and its UI, ledger, simulator, worker')
    .option('--temporal-port <port>', '0 is any free one, here and below (default: 7233)', port)
    .option('--ui-port <port>', "Temporal's UI (default: 8233)", port)
    .option('--simulator-port <port>', 'the simulated vendor (default: 7280)', port)
    .option('--database-port <port>', "the ledger's PostgreSQL (default: 7243)", port)
    .option('--data <dir>', 'keep everything in this folder between runs (default: nothing is kept)')
    .option('--no-worker', 'leave the worker out')
    .option('--no-simulator', 'leave the simulator out')
    .option('--verbose', 'show what the parts print')
    .addHelpText(
      'after',
      '\nExamples:\n  smart-erase dev\n  smart-erase dev --data ./dev-data\n  smart-erase dev -o json --temporal-port 0 --ui-port 0 --simulator-port 0 --database-port 0\n\n' +
        'Once it is ready it prints the settings for another terminal, for sh and for PowerShell.\n' +
        'With -o json it prints one line once it is ready:\n  {"ready":true,"temporal":"HOST:PORT","ui":URL,"simulator":URL,"database":URL}',
    )
    .action(async (flags: Flags, command: Command) => {
      const output = outputOf(command);
      const controller = new AbortController();
      const stopped = untilStopped().then((reason) => {
        controller.abort(new Exit(EXIT.ok));
        return reason;
      });
      const { startDevStack } = await import('../../local/stack/dev-stack.js');
      const stack = await startDevStack({
        temporalPort: flags.temporalPort,
        uiPort: flags.uiPort,
        simulatorPort: flags.simulatorPort,
        databasePort: flags.databasePort,
        dataDir: flags.data,
        ...(flags.worker ? {} : { worker: false }),
        ...(flags.simulator ? {} : { simulator: false }),
        onProgress: (line) => output.say(line),
        onLine: flags.verbose ? (part, line) => output.say(`${part}: ${line}`) : undefined,
        signal: controller.signal,
      });
      const { temporal, ui, simulator, database } = stack;
      if (output.format !== 'table') output.line({ ready: true, temporal, ui, simulator, database });
      else {
        output.say('');
        output.say(`Temporal   ${temporal}   UI ${ui}`);
        if (simulator) output.say(`Simulator  ${simulator}`);
        output.say(`Ledger     ${database}`);
        output.say('');
        output.say('In another terminal:');
        for (const { shell, lines } of shellSettings(stack.environment)) {
          output.say('');
          output.say(`  # ${shell}`);
          for (const line of lines) output.say(`  ${line}`);
        }
        output.say('');
        output.say('  smart-erase doctor');
        output.say('');
        output.say('Ctrl-C ends it.');
      }
      const end = await Promise.race([stopped.then(() => null), stack.failed]);
      if (end !== null) output.say(`smart-erase: ${end}`);
      else output.say('stopping …');
      await stack.stop();
      if (end !== null) throw new Exit(EXIT.unexpected);
    });
}

import { Command } from 'commander';
import { EXIT } from '../../contract/error-classes.js';
import type { Cap, CapPeriod, CapScope } from '../../ledger/money/cap.js';
import { outputOf } from '../command-context.js';
import { Exit, UsageError } from '../exit.js';
import { decisionOf, withLedger } from '../holds.js';
import { nonNegativeNumber, positiveInteger } from '../option-parsers.js';
import type { Column } from '../output.js';
import { whoIsHere } from '../who-and-why.js';

interface SetOptions {
  daily?: number;
  total?: number;
  subAppId?: number;
  reason: string;
  by?: string;
}

interface RemoveOptions extends Omit<SetOptions, 'daily' | 'total'> {
  daily?: boolean;
  total?: boolean;
}

const COLUMNS: readonly Column<Cap>[] = [
  { heading: 'SCOPE', of: (row) => row.scope },
  { heading: 'PERIOD', of: (row) => row.period },
  { heading: 'LIMIT USD', of: (row) => row.limitUsd.toFixed(2) },
  { heading: 'SPENT USD', of: (row) => row.spentUsd.toFixed(2) },
  { heading: 'LEFT USD', of: (row) => row.leftUsd.toFixed(2) },
];

export function capCommand(): Command {
  const cap = new Command('cap')
    .description('limit what may be spent, by estimate')
    .addHelpText(
      'after',
      '\nA submit that a cap leaves no room for is not made: its erase is held. What is in doubt counts as spent. A day is\n' +
        'one in UTC.\n\nExamples:\n  smart-erase cap set --daily 200 --total 3000 --reason "budget of May"\n' +
        '  smart-erase cap list\n  smart-erase cap remove --daily --reason "the backlog is done"',
    );
  for (const command of [setCommand(), listCommand(), removeCommand()]) cap.addCommand(command);
  return cap;
}

function setCommand(): Command {
  return withChangeOptions(new Command('set').description('set a cap, or change it'))
    .option('--daily <usd>', 'USD a day, in UTC', nonNegativeNumber)
    .option('--total <usd>', 'USD in all', nonNegativeNumber)
    .addHelpText(
      'after',
      '\nExample:\n  smart-erase cap set --sub-app-id 1500000001 --daily 50 --reason "a new customer"',
    )
    .action(async (options: SetOptions, command: Command) => {
      const limits: [CapPeriod, number | undefined][] = [
        ['day', options.daily],
        ['total', options.total],
      ];
      if (limits.every(([, usd]) => usd === undefined)) {
        throw new UsageError('Say how much: --daily USD, --total USD, or both.', null);
      }
      const decision = decisionOf(options);
      const output = outputOf(command);
      const caps = await withLedger(async (ledger) => {
        for (const [period, limitUsd] of limits) {
          if (limitUsd !== undefined)
            await ledger.caps.change({ scope: scopeOf(options), period, limitUsd, ...decision });
        }
        return await ledger.caps.list();
      });
      output.rows(caps, COLUMNS);
      output.say('Erases that are held by a cap go on with: smart-erase resume --all --reason "…"');
    });
}

function listCommand(): Command {
  return new Command('list')
    .description('show every cap, what was spent, and what is left')
    .addHelpText('after', '\nExample:\n  smart-erase cap list -o json')
    .action(async (_options: unknown, command: Command) => {
      outputOf(command).rows(await withLedger((ledger) => ledger.caps.list()), COLUMNS, 'No caps.');
    });
}

function removeCommand(): Command {
  return withChangeOptions(new Command('remove').description('take a cap away'))
    .option('--daily', 'that of a day')
    .option('--total', 'that in all')
    .addHelpText('after', '\nExample:\n  smart-erase cap remove --total --reason "no longer needed"')
    .action(async (options: RemoveOptions, command: Command) => {
      const periods: CapPeriod[] = [];
      if (options.daily) periods.push('day');
      if (options.total) periods.push('total');
      if (periods.length === 0) throw new UsageError('Say which: --daily, --total, or both.');
      const decision = decisionOf(options);
      const output = outputOf(command);
      const [removed, caps] = await withLedger(async (ledger) => {
        let count = 0;
        for (const period of periods) {
          if (await ledger.caps.change({ scope: scopeOf(options), period, limitUsd: null, ...decision })) count += 1;
        }
        return [count, await ledger.caps.list()] as const;
      });
      output.rows(caps, COLUMNS, 'No caps.');
      if (removed > 0) return;
      output.say('There was no such cap.');
      throw new Exit(EXIT.nothingToDo);
    });
}

function withChangeOptions(command: Command): Command {
  return command
    .option('--sub-app-id <number>', 'of one sub-application (default: of all together)', positiveInteger)
    .requiredOption('--reason <text>', 'why; it is kept')
    .option('--by <name>', 'who; it is kept', whoIsHere());
}

function scopeOf({ subAppId }: { subAppId?: number }): CapScope {
  return subAppId === undefined ? 'all' : `sub-app/${subAppId}`;
}

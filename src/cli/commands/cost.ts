import { Command, Option } from 'commander';
import type { CostGroup, CostRow } from '../../ledger/money/cost-report.js';
import { outputOf } from '../command-context.js';
import { withLedger } from '../holds.js';
import { positiveInteger, time } from '../option-parsers.js';
import type { Column } from '../output.js';

/** Repeated here so that help and completion do not load the ledger; a test compares it with `COST_GROUPS`. */
export const GROUPS = ['day', 'batch', 'recipe', 'requestedBy'] as const satisfies readonly CostGroup[];

const COUNTS: readonly Column<CostRow>[] = [
  { heading: 'ERASES', of: (row) => row.erases },
  { heading: 'ACCEPTED', of: (row) => row.accepted },
  { heading: 'PAID AGAIN', of: (row) => row.paidAgain },
  { heading: 'AMBIGUOUS', of: (row) => row.ambiguous },
  { heading: 'USD', of: (row) => row.usd.toFixed(2) },
  { heading: 'OF IT AMBIGUOUS', of: (row) => row.ambiguousUsd.toFixed(2) },
];

export function costCommand(): Command {
  return new Command('cost')
    .description('show what was spent, by estimate, from the ledger')
    .addOption(new Option('--by <what>', 'one line for each; a day is one in UTC').choices(GROUPS).default('day'))
    .option('--since <time>', 'submits from this time on, such as 2026-05-01 (in UTC) or 2026-05-01T12:00:00Z', time)
    .option('--sub-app-id <number>', 'of one sub-application', positiveInteger)
    .addHelpText(
      'after',
      '\nEstimated by the price list (VOD_PRICE_FILE, or the vendor’s) and the length and size of the source; the bill can\n' +
        'differ. Ambiguous: nobody knows whether the vendor accepted it, or not yet; it counts as spent.\n\n' +
        'Examples:\n  smart-erase cost\n  smart-erase cost --by requestedBy --since 2026-05-01 -o json',
    )
    .action(async (options: { by: CostGroup; since?: Date; subAppId?: number }, command: Command) => {
      const rows = await withLedger((ledger) => ledger.costs.report(options));
      const group: Column<CostRow> = { heading: options.by.toUpperCase(), of: (row) => row.group ?? '(none)' };
      outputOf(command).rows(rows, [group, ...COUNTS], 'Nothing was submitted.');
    });
}

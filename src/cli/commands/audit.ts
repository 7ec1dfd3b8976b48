import { Command } from 'commander';
import type { AuditLine } from '../../ledger/audit/audit-report.js';
import { outputOf } from '../command-context.js';
import { withLedger } from '../holds.js';
import { time } from '../option-parsers.js';
import type { Column } from '../output.js';

const COLUMNS: readonly Column<AuditLine>[] = [
  { heading: 'AT', of: (row) => row.at.toISOString() },
  { heading: 'ACTION', of: (row) => row.action },
  { heading: 'SUBJECT', of: (row) => row.subject },
  { heading: 'BY', of: (row) => row.by },
  { heading: 'REASON', of: (row) => row.reason },
];

export function auditCommand(): Command {
  return new Command('audit')
    .description('who spent, held, resumed, approved, cancelled or limited what, and why')
    .option('--since <time>', 'from this time on, such as 2026-05-01 (in UTC) or 2026-05-01T12:00:00Z', time)
    .option('--until <time>', 'before this time; a day is its first moment, in UTC', time)
    .addHelpText(
      'after',
      '\nFrom the ledger, so that it goes back beyond the retention of Temporal. `-o jsonl` has every detail, and reads years\n' +
        'of it without needing memory.\n\n' +
        'Example:\n  smart-erase audit --since 2026-05-01 -o jsonl > audit.jsonl',
    )
    .action(async (options: { since?: Date; until?: Date }, command: Command) => {
      const output = outputOf(command);
      await withLedger(async (ledger) => {
        if (output.format === 'jsonl') {
          for await (const line of ledger.audit.lines(options)) output.line(line);
          return;
        }
        const lines: AuditLine[] = [];
        for await (const line of ledger.audit.lines(options)) lines.push(line);
        output.rows(lines, COLUMNS, 'Nothing was done.');
      });
    });
}

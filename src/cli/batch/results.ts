import { Command } from 'commander';
import { EXIT } from '../../contract/error-classes.js';
import type { ReportManifest } from '../../contract/report.js';
import { outputOf } from '../command-context.js';
import { Exit, UsageError } from '../exit.js';
import { withLedger } from '../holds.js';
import { interruptible } from '../interrupt.js';
import type { Column } from '../output.js';

interface ResultsOptions {
  out: string;
  force?: boolean;
  partial?: boolean;
  excel?: boolean;
}

type Written = ReportManifest & { folder: string };

const FIELDS: readonly Column<Written>[] = [
  { heading: 'Written', of: (row) => row.folder },
  { heading: 'Batch', of: (row) => row.batchId },
  { heading: 'Ended', of: (row) => (row.complete ? `${row.endedAs} at ${row.endedAt}` : `not yet (${row.state})`) },
  { heading: 'Items', of: (row) => row.counts.total },
  { heading: 'Succeeded', of: (row) => row.counts.succeeded },
  { heading: 'Reused', of: (row) => row.counts.reused },
  { heading: 'Failed', of: (row) => row.counts.failed },
  { heading: 'Timed out', of: (row) => row.counts.timedOut },
  { heading: 'Cancelled', of: (row) => row.counts.cancelled },
  { heading: 'Skipped', of: (row) => row.counts.skipped },
  { heading: 'Not ended', of: ({ counts }) => counts.pending + counts.running + counts.held || null },
  { heading: 'Cost USD', of: (row) => row.costUsd.toFixed(2) },
];

export function batchResultsCommand(): Command {
  return new Command('results')
    .description('write the report of a batch: what became of every item')
    .argument('<batch>', 'id of the batch')
    .requiredOption('--out <folder>', 'where to write it')
    .option('--force', 'replace the report that is there')
    .option('--partial', 'also of a batch that has not ended: what is open stands in failed.*')
    .option('--excel', 'CSV for a spreadsheet: a byte order mark, and ids as texts, so that no digit is lost')
    .addHelpText(
      'after',
      '\nIn the folder: manifest.json, succeeded and failed as .ndjson and .csv, mapping.csv (source and new FileId).\n' +
        'It is written whole or not at all. Without --excel the CSV is for programs: ="528…" is a text to a spreadsheet only.\n\n' +
        'Examples:\n  smart-erase batch results library-2031 --out report\n' +
        '  smart-erase batch results library-2031 --out for-the-editors --excel',
    )
    .action(async (batchId: string, options: ResultsOptions, command: Command) => {
      const output = outputOf(command);
      const { FolderError } = await import('../../backlog/report/whole-folder.js');
      const { writeReport } = await import('../../backlog/report/write-report.js');
      const notWritten = () => output.say('Nothing was written.');
      const manifest = await withLedger(async ({ reports }) => {
        const batch = await reports.batch(batchId);
        if (batch === null) {
          throw new UsageError(`There is no batch ${batchId}.`, 'List them with `smart-erase batch list`.');
        }
        if (batch.state !== 'ended' && !options.partial) {
          output.say(`Batch ${batchId} has not ended (${batch.state}). A report of what there is by now: --partial.`);
          throw new Exit(EXIT.stillRunning);
        }
        return await interruptible(notWritten, (signal) =>
          writeReport(reports, batch, {
            folder: options.out,
            replace: options.force === true,
            excel: options.excel === true,
            signal,
          }),
        );
      }).catch((error: unknown) => {
        if (error instanceof FolderError) throw new UsageError(error.message, error.advice);
        throw error;
      });
      output.one({ folder: options.out, ...manifest }, FIELDS);
    });
}

import { Command } from 'commander';
import type { EraseRequest } from '../../client.js';
import { EXIT } from '../../contract/error-classes.js';
import type { PriceList } from '../../contract/price-list.js';
import type { SaidPrices } from '../../ledger/money/price-store.js';
import { outputOf, withClient } from '../command-context.js';
import { confirm } from '../confirm.js';
import { requestsOf } from '../erase-requests.js';
import { explain, printError } from '../error-printer.js';
import { Exit, UsageError } from '../exit.js';
import { withLedger } from '../holds.js';
import { interruptible } from '../interrupt.js';
import { positiveInteger, positiveNumber } from '../option-parsers.js';
import { otherPrices, type PriceDifference, tellOtherPrices } from '../other-prices.js';
import type { Column, Output } from '../output.js';
import type { Recorder } from '../trial/recorder.js';
import type { Tried } from '../trial/run-trial.js';
import { whoIsHere } from '../who-and-why.js';

interface TrialOptions {
  recipe?: string;
  recipeJson?: string;
  subAppId?: number;
  requestedBy?: string;
  reason?: string;
  maxCost: number;
  out?: string;
  yes?: boolean;
}

interface Priced {
  fileId: string;
  durationSeconds: number | null;
  width: number | null;
  height: number | null;
  estimatedUsd: number;
}

/** A trial is limited to a few videos; larger lists belong in a batch. */
const MAX_FILES = 5;

const PRICES: readonly Column<Priced>[] = [
  { heading: 'SOURCE FILE', of: (row) => row.fileId },
  { heading: 'SECONDS', of: (row) => row.durationSeconds ?? 'not known' },
  { heading: 'SIZE', of: (row) => (row.width && row.height ? `${row.width}x${row.height}` : 'not known') },
  { heading: 'USD', of: (row) => row.estimatedUsd.toFixed(4) },
];

const TRIED: readonly Column<Tried>[] = [
  { heading: 'SOURCE FILE', of: (row) => row.fileId },
  { heading: 'NEW FILE', of: (row) => row.resultFileId },
  { heading: 'TASK', of: (row) => row.taskId },
  { heading: 'SECONDS', of: (row) => row.seconds },
  { heading: '', of: (row) => row.error ?? (row.reused ? 'paid for before' : '') },
];

export function trialCommand(): Command {
  return new Command('trial')
    .description('erase the first few real videos, one after the other, with a limit on the cost')
    .argument('<fileId...>', `FileIds of the source media, at most ${MAX_FILES}`)
    .option('--recipe <name>', 'what to erase; see `smart-erase recipes`')
    .option("--recipe-json <json|'@file'>", "the recipe's options")
    .option('--sub-app-id <number>', 'VOD sub-application (default: VOD_SUB_APP_ID)', positiveInteger)
    .option('--requested-by <who>', 'who asked; kept in the ledger', whoIsHere())
    .option('--reason <text>', 'why; kept in the ledger')
    .requiredOption('--max-cost <usd>', 'above this estimate nothing is started', positiveNumber)
    .option('--out <folder>', 'for the page and the recording (default: trial- and the time)')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      '\nNeeds a worker. Ends with a page that plays source and result side by side, and a recording of what the vendor\n' +
        'answers, without ids, names and URLs, to compare with docs/vendor.md. A task that fails on the vendor’s side may be\n' +
        'paid for once more.\n\nExample:\n  smart-erase trial 5285485487985271487 --recipe subtitles --max-cost 5',
    )
    .action(async (fileIds: string[], options: TrialOptions, command: Command) => {
      const output = outputOf(command);
      const requests = await requestsOf(fileIds, options);
      if (requests.length > MAX_FILES) {
        throw new UsageError(
          `A trial is of ${MAX_FILES} files at most.`,
          'More is a batch: `smart-erase batch start`.',
        );
      }
      const { loadSettings } = await import('../../config/settings.js');
      const { Recorder } = await import('../trial/recorder.js');
      const { vendor } = loadSettings(process.env, { need: ['vendor'] });
      const recorder = new Recorder(vendor);
      try {
        const said = await saidPrices();
        const prices = await pricesOf(recorder, requests, [vendor.prices, ...said.map((each) => each.prices)]);
        // A trial uses one recipe.
        const pricesDiffer = otherPrices(
          said,
          vendor.prices,
          requests.slice(0, 1).map(({ recipe }) => recipe.name),
        );
        const usd = prices.reduce((sum, { estimatedUsd }) => sum + estimatedUsd, 0);
        if (output.format === 'table') output.rows(prices, PRICES);
        output.say(`${usd.toFixed(4)} USD by estimate, at most ${options.maxCost} allowed.`);
        tellOtherPrices(output, pricesDiffer, 'those of this shell');
        if (usd > options.maxCost) {
          output.say('Nothing was started. Raise --max-cost, or take shorter videos.');
          throw new Exit(EXIT.capReached);
        }
        await confirm(output, `Pay about ${usd.toFixed(2)} USD for ${requests.length} erases?`, {
          yes: options.yes === true,
        });
        await tryAll(output, recorder, requests, { folder: options.out ?? defaultFolder(), pricesDiffer });
      } finally {
        recorder.close();
      }
    });
}

/** A trial does not require the ledger; without it, the workers' prices are unknown. */
async function saidPrices(): Promise<SaidPrices[]> {
  if (!process.env.DATABASE_URL) return [];
  return await withLedger((ledger) => ledger.prices.said()).catch(() => []);
}

/** Uses the highest of the price lists: above `--max-cost` nothing starts, whichever list is right. */
async function pricesOf(
  recorder: Recorder,
  requests: readonly EraseRequest[],
  lists: readonly PriceList[],
): Promise<Priced[]> {
  const { describe } = await import('../trial/run-trial.js');
  const { estimateUsd } = await import('../../tencent-vod/cost.js');
  const { validRequest } = await import('../../client/validate.js');
  const { InvalidRequestError } = await import('../../errors.js');
  const subAppId = requests[0]?.subAppId ?? 0;
  const { media, missing } = await describe(
    recorder,
    'before',
    subAppId,
    requests.map(({ fileId }) => fileId),
  );
  if (missing.length > 0) {
    throw new InvalidRequestError(missing.map((fileId) => `${fileId} is not in the library of ${subAppId}.`));
  }
  return requests.map((request) => {
    const found = media.find(({ fileId }) => fileId === request.fileId);
    const measures = {
      durationSeconds: found?.durationSeconds ?? null,
      width: found?.width ?? null,
      height: found?.height ?? null,
    };
    const recipe = validRequest(request).recipe as Parameters<typeof estimateUsd>[0];
    const estimatedUsd = Math.max(...lists.map((prices) => estimateUsd(recipe, measures, prices)));
    return { fileId: request.fileId, ...measures, estimatedUsd };
  });
}

async function tryAll(
  output: Output,
  recorder: Recorder,
  requests: readonly EraseRequest[],
  { folder, pricesDiffer }: { folder: string; pricesDiffer: PriceDifference[] | undefined },
): Promise<void> {
  const { runTrial } = await import('../trial/run-trial.js');
  const { openTrialFolder } = await import('../trial/trial-folder.js');
  // Opened before any payment, so that an unwritable folder ends the trial first.
  const files = openTrialFolder(folder);
  const comeBack = () => output.say('What was started goes on: `smart-erase list`.');
  const end = await withClient((client) =>
    interruptible(comeBack, (signal) => runTrial(output, client, recorder, requests, signal)).finally(() =>
      files.writeRecording(recorder.calls),
    ),
  );
  files.writePage(end.reviewed);
  if (output.format === 'table') output.rows(end.tried, TRIED);
  else output.one({ folder, page: files.page, recording: files.recording, pricesDiffer, erases: end.tried }, []);
  output.say(`Look at ${files.page}; compare ${files.recording} with docs/vendor.md.`);
  if (end.failure === null) return;
  printError(end.failure, (line) => output.say(line));
  throw new Exit(explain(end.failure).exitCode);
}

function defaultFolder(): string {
  return `trial-${new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}`;
}

import type { Plan, PlanProgress } from '../../backlog/plan.js';
import type { BacklogSource } from '../../backlog/source.js';
import { SUB_APP_NOT_ALLOWED } from '../../config/allowed-sub-apps.js';
import type { VendorSettings } from '../../config/settings.js';
import { InvalidRequestError, UnavailableError } from '../../errors.js';
import type { BatchStaging } from '../../ledger/batches/batch-staging.js';
import type { Ledger } from '../../ledger/index.js';
import type { Unfit } from '../../tencent-vod/fitness.js';
import type { VodApi } from '../../tencent-vod/vod-api.js';
import { durationText } from '../duration-text.js';
import { UsageError } from '../exit.js';
import { withLedger } from '../holds.js';
import { interruptible } from '../interrupt.js';
import { otherPrices, type PriceDifference } from '../other-prices.js';
import type { Output } from '../output.js';
import { Progress } from '../progress.js';
import { withVendor } from '../vendor.js';
import { checkSource, type SourceOptions, sharedRequest } from './source-options.js';

/** The plan, and those of its recipes that workers book at other prices. */
export type PricedPlan = Plan & { pricesDiffer?: PriceDifference[] | undefined };

export interface Loaded {
  plan: PricedPlan;
  /** Holds the plan's rows until `work` has ended. */
  staging: BatchStaging;
  ledger: Ledger;
}

/** Reads a backlog, checks and prices it, and passes it to `work`. What `work` does not copy is dropped afterwards. */
export async function withPlan<T>(
  file: string | undefined,
  options: SourceOptions & { id?: string },
  output: Output,
  work: (loaded: Loaded) => Promise<T>,
): Promise<T> {
  checkSource(file, options);
  const shared = await sharedRequest(options);
  const { loadSettings } = await import('../../config/settings.js');
  // Loaded in one call, so that all configuration problems are reported at once.
  const settings = loadSettings(process.env, { need: ['database', 'temporal', 'vendor'] });
  const { prefix, namespace } = settings.temporal;
  const { allowedSubAppIds } = settings.vendor;
  const { openBatchStaging } = await import('../../ledger/batches/postgres-batch-staging.js');
  const { planBacklog } = await import('../../backlog/plan.js');
  const progress = new Progress(output);
  const planned = (staging: BatchStaging, ledger: Ledger, vod: VodApi, vendor: VendorSettings, source: BacklogSource) =>
    interruptible(
      () => output.say('Nothing was started.'),
      (signal) =>
        planBacklog(
          { source, staging, media: ledger.media, vod },
          {
            shared,
            installation: { prefix, allowedSubAppIds },
            batchId: options.id,
            allowVariants: options.allowVariants,
            includePaid: options.includePaid,
            payAgain: options.payAgain,
            allow: allowed(options),
            prices: vendor.prices,
            submitsPerSecond: vendor.submitsPerSecond,
            signal,
            onProgress: (so) => progress.update([progressText(so)]),
          },
        ),
    ).finally(() => progress.end());
  try {
    return await withVendor((vod, vendor) =>
      withLedger(async (ledger) => {
        const source = await sourceOf(file, options, shared.subAppId, allowedSubAppIds, vod);
        await ledger.check();
        const staging = await openBatchStaging(settings.databaseUrl.reveal(), { namespace });
        try {
          const plan = await planned(staging, ledger, vod, vendor, source);
          const recipes = plan.byRecipe.map(({ recipe }) => recipe);
          const pricesDiffer = otherPrices(await ledger.prices.said(), vendor.prices, recipes);
          return await work({ plan: { ...plan, pricesDiffer }, staging, ledger });
        } finally {
          await staging.close();
        }
      }),
    );
  } catch (error) {
    throw asEraseError(await named(error, file));
  }
}

async function sourceOf(
  file: string | undefined,
  options: SourceOptions,
  subAppId: number | undefined,
  allowedSubAppIds: readonly number[] | undefined,
  vod: Pick<VodApi, 'searchMedia'>,
): Promise<BacklogSource> {
  if (file === undefined) {
    if (subAppId === undefined) {
      throw new UsageError('No sub-application.', 'Give --sub-app-id NUMBER, or set VOD_SUB_APP_ID.');
    }
    const { subAppProblem } = await import('../../config/allowed-sub-apps.js');
    const problem = subAppProblem(subAppId, allowedSubAppIds);
    if (problem !== null) throw new InvalidRequestError([problem], { code: SUB_APP_NOT_ALLOWED });
    const { librarySource } = await import('../../backlog/library.js');
    const { classId: classIds, tag: tags, name: names, createdFrom, createdTo } = options;
    return librarySource(vod, { subAppId, classIds, tags, names, createdFrom, createdTo, allow: allowed(options) });
  }
  const { openSource } = await import('../../backlog/open-source.js');
  const { format, encoding, allowPrivateAddress: allowPrivate } = options;
  return await openSource(file, { format, encoding, allowPrivate });
}

/** Media that normally cannot be erased, but that the options allow. */
const allowed = ({ allowArchived }: SourceOptions): Unfit[] => (allowArchived ? ['archived'] : []);

function progressText(so: PlanProgress): string {
  switch (so.doing) {
    case 'rows':
      return `${so.rows} rows read${so.problems === 0 ? '' : `, ${so.problems} of them bad`}`;
    case 'media':
      return `${so.files} of ${so.of} files looked up${so.files < so.of ? `, about ${durationText(so.leftMs / 1_000)} left` : ''}`;
    case 'prices':
      return `${so.items} items priced`;
  }
}

/** A report of this program names its batch, in its content or in the manifest beside it. */
async function named(error: unknown, file: string | undefined): Promise<unknown> {
  if (!(error instanceof Error) || error.name !== 'SourceError' || file === undefined) return error;
  const { OwnReportError, withBatchOf } = await import('../../backlog/own-report.js');
  return error instanceof OwnReportError ? await withBatchOf(error, file) : error;
}

/** An unreadable source is reported like any other invalid input. */
function asEraseError(error: unknown): unknown {
  const { name, kind, message, advice } = (error ?? {}) as {
    name?: string;
    kind?: string;
    message: string;
    advice?: string;
  };
  if (name !== 'SourceError') return error;
  const fields = { advice: advice ?? '', cause: error };
  return kind === 'unavailable' ? new UnavailableError(message, fields) : new InvalidRequestError([message], fields);
}

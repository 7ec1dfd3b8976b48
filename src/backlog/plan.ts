import type { BatchSource } from '../contract/batch.js';
import type { PriceList } from '../contract/price-list.js';
import type { Recipe } from '../contract/recipes.js';
import type {
  BatchStaging,
  Duplicate,
  LeftOutRow,
  PaidOtherwise,
  RowProblem,
  StagedRequest,
  StagedTotals,
} from '../ledger/batches/batch-staging.js';
import type { KnownMedia, MediaStore } from '../ledger/money/media-store.js';
import { estimateUsd } from '../tencent-vod/cost.js';
import type { Unfit } from '../tencent-vod/fitness.js';
import type { VodApi } from '../tencent-vod/vod-api.js';
import { COMBINED_RECIPES } from './combined-recipes.js';
import { readMissing } from './read-media.js';
import { type Installation, RequestMaker, type SharedRequest } from './requests.js';
import type { BacklogSource } from './source.js';

/** Rows, problems and media descriptions sent to the database at once. */
const CHUNK = 1_000;
/** Rows of one kind that are listed; the others are counted. */
const NAMED = 20;
/**
 * How long a file's description is considered current, in seconds. Ours: a start soon after a plan reads nothing again; a file's
 * length does not change, but the file may be deleted.
 */
const FRESH_SECONDS = 3_600;

export interface PlanOptions {
  /** The settings common to all items. */
  shared: SharedRequest;
  installation?: Installation;
  /** Id of the future batch, since it is part of each request; default: an id of maximum length. */
  batchId?: string | undefined;
  /** Allow two recipes for one file. */
  allowVariants?: boolean;
  /** Also include items paid for before: they reuse the result, at no cost. */
  includePaid?: boolean;
  /** Also include items paid for and failed: they are paid for again. */
  payAgain?: boolean;
  /** Include these files although they look unsuitable for an erase; default none. */
  allow?: readonly Unfit[];
  prices: PriceList;
  /** The submit rate, shared by all batches and interactive erases. */
  submitsPerSecond: number;
  /** Called periodically. */
  onProgress?: (so: PlanProgress) => void;
  signal?: AbortSignal;
}

export type PlanProgress =
  | { doing: 'rows'; rows: number; problems: number }
  /** `leftMs`: estimated time for the remaining files. */
  | { doing: 'media'; files: number; of: number; leftMs: number }
  | { doing: 'prices'; items: number };

/** A batch before its start. Money is estimated USD. */
export interface Plan extends StagedTotals {
  source: BatchSource;
  /** Unknown columns. */
  ignoredColumns: readonly string[];
  /** The first duplicates. */
  duplicateRows: Duplicate[];
  /** The first left-out items that the user may want to pay for again. */
  leftOut: LeftOutRow[];
  paidOtherwise: PaidOtherwise;
  /** Items whose files are results of earlier erases; in a library they are left out. */
  namedResults: number;
  /** Found files that cannot be erased, left out, by reason. */
  unfit: Partial<Record<Unfit, number>>;
  /** Duration of the submits at the full rate, without other submits. */
  submitSeconds: number;
}

export interface PlanParts {
  source: BacklogSource;
  staging: BatchStaging;
  media: MediaStore;
  vod: Pick<VodApi, 'describeMedia'>;
}

/**
 * Loads a backlog into the staging: checks the rows, drops duplicates and paid items, reads media data, and adds up the prices.
 * Changes only stored media data; the staging can then be copied.
 *
 * @throws SourceError, LedgerError, VodError. Invalid rows are recorded in the staging instead.
 */
export async function planBacklog(parts: PlanParts, options: PlanOptions): Promise<Plan> {
  const { source, staging } = parts;
  const { rows, unfit } = await takeIn(parts, options);
  await staging.loaded();
  await staging.dropDuplicates();
  if (!options.allowVariants) await staging.refuseVariants(COMBINED_RECIPES);
  // Results inherit class and tags, so a library search finds them too. A FileId in a list is intentional.
  if (source.kind === 'library') await staging.dropOwnResults();
  await staging.dropPaid({ keep: options.includePaid === true });
  if (!options.payAgain) await staging.dropFailed();
  await readMissing(parts, {
    freshSeconds: FRESH_SECONDS,
    sharedSubAppId: options.shared.subAppId,
    allow: options.allow,
    signal: options.signal,
    onProgress: (files, of, leftMs) => options.onProgress?.({ doing: 'media', files, of, leftMs }),
  });
  await price(staging, options);
  const totals = await staging.totals();
  return {
    source: { kind: source.kind, name: source.name, sha256: source.sha256(), rows },
    ...totals,
    ignoredColumns: source.ignoredColumns(),
    duplicateRows: await staging.duplicates(NAMED),
    leftOut: await staging.leftOut(NAMED),
    paidOtherwise: await staging.paidOtherwise(NAMED),
    namedResults: await staging.namedResults(),
    unfit,
    submitSeconds: Math.round((totals.items - totals.kept) / options.submitsPerSecond),
  };
}

async function takeIn(
  { source, staging, media }: PlanParts,
  options: PlanOptions,
): Promise<{ rows: number; unfit: Plan['unfit'] }> {
  const maker = new RequestMaker(options.shared, options.installation, options.batchId);
  const [requests, problems, known]: [StagedRequest[], RowProblem[], Map<number, KnownMedia[]>] = [[], [], new Map()];
  let [rows, wrong, learnt] = [0, 0, 0];
  const unfit: Plan['unfit'] = {};
  const send = async () => {
    options.signal?.throwIfAborted();
    await staging.add(requests.splice(0));
    await staging.addProblems(problems.splice(0));
    for (const [subAppId, files] of known) await media.remember(subAppId, files);
    known.clear();
    learnt = 0;
    options.onProgress?.({ doing: 'rows', rows, problems: wrong });
  };
  for await (const row of source.rows()) {
    rows += 1;
    if ('unfit' in row) {
      unfit[row.unfit] = (unfit[row.unfit] ?? 0) + 1;
      continue;
    }
    const made = maker.make(row);
    if ('problem' in made) {
      wrong += 1;
      problems.push(made.problem);
    } else {
      requests.push(made.request);
      if ('media' in row && row.media !== undefined) {
        const { subAppId } = made.request.request;
        const files = known.get(subAppId);
        if (files === undefined) known.set(subAppId, [row.media]);
        else files.push(row.media);
        learnt += 1;
      }
    }
    if (requests.length >= CHUNK || problems.length >= CHUNK || learnt >= CHUNK) await send();
  }
  await send();
  return { rows, unfit };
}

async function price(staging: BatchStaging, { prices, onProgress, signal }: PlanOptions): Promise<void> {
  let items = 0;
  for await (const page of staging.unpriced(CHUNK)) {
    signal?.throwIfAborted();
    await staging.price(
      page.map(({ number, recipe, ...measures }) => ({
        number,
        usd: estimateUsd(recipe as Recipe, measures, prices),
      })),
    );
    items += page.length;
    onProgress?.({ doing: 'prices', items });
  }
}

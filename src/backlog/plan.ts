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

/** Rows, problems and media descriptions that are sent to the database at once. */
const CHUNK = 1_000;
/** Rows of one kind that are named; the others are counted. */
const NAMED = 20;
/**
 * For how long a description of a file is taken for true, in seconds. Its length does not change; whether it is still there
 * does. Ours: a start soon after a plan reads nothing again.
 */
const FRESH_SECONDS = 3_600;

export interface PlanOptions {
  /** What all items have in common. */
  shared: SharedRequest;
  installation?: Installation;
  /** Id of the batch to be, as it is part of each request; default: as long as an id may be. */
  batchId?: string | undefined;
  /** One file may have two recipes. */
  allowVariants?: boolean;
  /** What was paid for before becomes an item too: taken up, at no price. */
  includePaid?: boolean;
  /** What was paid for and failed becomes an item too, and is paid for once more. */
  payAgain?: boolean;
  /** Files that are taken although they look as if nothing could be erased from them; default none. */
  allow?: readonly Unfit[];
  prices: PriceList;
  /** The budget of submits, which all batches and live erases share. */
  submitsPerSecond: number;
  /** Told now and then. */
  onProgress?: (so: PlanProgress) => void;
  signal?: AbortSignal;
}

export type PlanProgress =
  | { doing: 'rows'; rows: number; problems: number }
  /** `leftMs`: about how long the others take. */
  | { doing: 'media'; files: number; of: number; leftMs: number }
  | { doing: 'prices'; items: number };

/** What a batch would be. Money is USD by estimate. */
export interface Plan extends StagedTotals {
  source: BatchSource;
  /** Columns that are not read. */
  ignoredColumns: readonly string[];
  /** The first of the duplicates. */
  duplicateRows: Duplicate[];
  /** The first of those that were left out, and that somebody may want to pay for again. */
  leftOut: LeftOutRow[];
  paidOtherwise: PaidOtherwise;
  /** Items whose files are results of earlier erases; those of a library are left out. */
  namedResults: number;
  /** Files that a search found, and from which nothing can be erased: left out, by reason. */
  unfit: Partial<Record<Unfit, number>>;
  /** What the submits take at the rate, when nothing else is submitted. */
  submitSeconds: number;
}

export interface PlanParts {
  source: BacklogSource;
  staging: BatchStaging;
  media: MediaStore;
  vod: Pick<VodApi, 'describeMedia'>;
}

/**
 * Takes a backlog in: checks every row, drops what is there twice or was paid for, reads what decides the prices, and adds
 * up. Changes nothing but what is known of media files; what was taken in stays in the staging, ready to be copied.
 *
 * @throws SourceError, LedgerError, VodError. Wrong rows are no error: the staging has them.
 */
export async function planBacklog(parts: PlanParts, options: PlanOptions): Promise<Plan> {
  const { source, staging } = parts;
  const { rows, unfit } = await takeIn(parts, options);
  await staging.loaded();
  await staging.dropDuplicates();
  if (!options.allowVariants) await staging.refuseVariants(COMBINED_RECIPES);
  // A class or a tag holds results as well, as they inherit both. Who writes a FileId down means it.
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

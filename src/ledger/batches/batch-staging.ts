import type { NormalizedEraseRequest } from '../../contract/request.js';
import type { NewBatch } from './batch-store.js';

/** A request of a backlog, checked. */
export interface StagedRequest {
  /** Null where the source has no rows. */
  row: number | null;
  request: NormalizedEraseRequest;
  recipeHash: string;
  workflowId: string;
}

/** An error in a row. */
export interface RowProblem {
  row: number | null;
  /** As it was written, where there is one. */
  fileId: string | null;
  problem: string;
}

/** A row with the same request as an earlier row. */
export interface Duplicate {
  row: number | null;
  fileId: string;
  firstRow: number | null;
}

/** Two recipes that one recipe covers in one pass. */
export interface CombinedRecipe {
  of: readonly [string, string];
  by: string;
}

/**
 * How much of a backlog was paid for before: with a result, one that was rejected, a task that runs, a result that is lost, or a
 * task that failed.
 */
export interface PaidBefore {
  done: number;
  underWay: number;
  lost: number;
  rejected: number;
  failed: number;
}

/** Something that was paid for, and would have to be paid for again. */
export interface LeftOutRow {
  row: number | null;
  fileId: string;
  kind: 'failed' | 'lost' | 'rejected';
  taskId: string | null;
}

/** Items whose file was paid for under another recipe, or under the same one with other options. */
export interface PaidOtherwise {
  items: number;
  /** Of those, with the same recipe and other options. */
  sameRecipe: number;
  /** The first of them, those of the same recipe before the others. */
  first: { row: number | null; fileId: string; recipe: string; before: string | null }[];
}

export interface StagedTotals {
  /** What would be in the batch. */
  items: number;
  duplicates: number;
  /** Files that are the results of earlier erases; not counted when they were kept. */
  ownResults: number;
  /** Whether dropped or kept. */
  paidBefore: PaidBefore;
  /** Items that reuse an earlier payment. */
  kept: number;
  /** Items that were paid for and failed, and are paid for once more. */
  paidAgain: number;
  /** Of items that are paid for. */
  estimatedUsd: number;
  durationSeconds: number;
  /** Items priced without knowing their length, and without knowing their size. */
  unknownDuration: number;
  unknownSize: number;
  byRecipe: { recipe: string; items: number; estimatedUsd: number }[];
  bySubApp: { subAppId: number; items: number }[];
  problems: number;
}

/** A batch that has not ended and contains some of the same erases. */
export interface OverlappingBatch {
  batchId: string;
  /** Temporal's. */
  namespace: string;
  items: number;
}

/** An item to be priced. */
export interface UnpricedItem {
  number: string;
  recipe: unknown;
  durationSeconds: number | null;
  width: number | null;
  height: number | null;
}

/**
 * A backlog during import, in its own tables: it may exceed memory, is compared with the ledger by the database, and needs no
 * open session while a person thinks. It is deleted unless {@link BatchStaging.copy} takes all of it.
 *
 * Call the methods in the order in which they are declared; each throws a `LedgerError`.
 */
export interface BatchStaging {
  add(requests: readonly StagedRequest[]): Promise<void>;
  addProblems(problems: readonly RowProblem[]): Promise<void>;
  /** All rows were added. */
  loaded(): Promise<void>;
  /**
   * Drops rows that ask for the same payment as an earlier one. A dropped row is a problem if it handles the result differently
   * (publish, review, webhook), or uses the key of another erase.
   */
  dropDuplicates(): Promise<void>;
  /** One file with two recipes is a problem; it proposes the recipe that covers both, where there is one. */
  refuseVariants(combined: readonly CombinedRecipe[]): Promise<void>;
  /** Drops files that an earlier erase made. */
  dropOwnResults(): Promise<void>;
  /**
   * Drops what was paid for before, by the rules of `decide`: items with unknown outcome, refused, failed or aborted stay. With
   * `keep`, finished and running ones stay too, at no price; rejected ones only if reviewed again.
   */
  dropPaid(options: { keep: boolean }): Promise<void>;
  /** Drops what was paid for, and whose task failed: a further run would pay once more. After {@link BatchStaging.dropPaid}. */
  dropFailed(): Promise<void>;
  /** The first dropped items that a user may want to pay for again. */
  leftOut(limit: number): Promise<LeftOutRow[]>;
  paidOtherwise(limit: number): Promise<PaidOtherwise>;
  /** Items whose files are results of earlier erases. */
  namedResults(): Promise<number>;
  /** Files that were not read within the last `freshSeconds`, page by page, each page of one sub-application. */
  unreadFiles(freshSeconds: number, pageSize: number): AsyncIterable<{ subAppId: number; fileIds: string[] }>;
  /** How many files {@link BatchStaging.unreadFiles} returns; once it has begun. */
  countUnread(): Promise<number>;
  /** A problem of each row of that sub-application. */
  refuseSubApp(subAppId: number, problem: string): Promise<void>;
  /** A problem of each row of these files. */
  refuseFiles(subAppId: number, files: readonly { fileId: string; problem: string }[]): Promise<void>;
  /** The vendor does not have these files: a problem of each of their rows. */
  refuseMissing(subAppId: number, fileIds: readonly string[]): Promise<void>;
  unpriced(pageSize: number): AsyncIterable<UnpricedItem[]>;
  price(prices: readonly { number: string; usd: number }[]): Promise<void>;
  totals(): Promise<StagedTotals>;
  /** The first of them. */
  duplicates(limit: number): Promise<Duplicate[]>;
  /** All of them, in the order of the rows. */
  problems(pageSize: number): AsyncIterable<RowProblem[]>;
  overlapping(): Promise<OverlappingBatch[]>;
  /** How many of the erases that would be started are not in that batch. */
  notIn(batchId: string): Promise<number>;
  /** Makes the batch with all its items, in one transaction. False when a batch with this id exists: nothing is changed. */
  copy(batch: NewBatch): Promise<boolean>;
  /** Deletes everything. */
  close(): Promise<void>;
}

import type { EraseRequest } from '../../src/contract/request.js';
import type { BatchEnd, MustEnd, MustItem } from './crossings-matrix.js';
import type { House } from './house.js';
import { TrackedErase } from './tracked-erase.js';

/** How a further ask for the same erase must be answered. */
export type MustAnswer = 'reused' | 'paid' | 'deleted';

/** An erase of a crossing: what must come of it stands with it. */
export class CrossedErase extends TrackedErase {
  constructor(
    house: House,
    cell: string,
    request: EraseRequest,
    readonly must: MustEnd | MustAnswer,
  ) {
    super(house, cell, request, 'truth');
  }

  /** A run that exists already, such as that of an item. */
  static of(house: House, cell: string, run: { request: EraseRequest; workflowId: string }, must: MustEnd) {
    const erase = new CrossedErase(house, cell, run.request, must);
    erase.workflowId = run.workflowId;
    erase.deed(`is ${run.workflowId}`);
    return erase;
  }
}

/** A batch of a crossing. */
export interface CrossedBatch {
  id: string;
  /** Of the item that is hit, and of the others. */
  item: MustItem;
  others: MustItem;
  ends: BatchEnd;
}

/** All records of a cell, for the comparison. */
export interface CrossedCell {
  name: string;
  target: CrossedErase;
  erases: readonly CrossedErase[];
  batches: readonly CrossedBatch[];
  /** By file: tasks that must have been accepted, and those of them that must have been aborted. */
  tasks: readonly { fileId: string; accepted: number; aborted: number }[];
  /** What did not come about. */
  problems: readonly string[];
}

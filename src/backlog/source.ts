import type { BatchSource } from '../contract/batch.js';
import type { KnownMedia } from '../ledger/money/media-store.js';
import type { Unfit } from '../tencent-vod/fitness.js';

/** One row of a source before validation, or the problem of its syntax. */
export type SourceRow =
  | {
      /** The spreadsheet's row, a header being 1; of NDJSON the line; null for a source without rows. */
      row: number | null;
      /** Fields of a request; omitted ones come from the batch's common settings. */
      fields: Record<string, unknown>;
      /** Media data that the source itself provides. */
      media?: KnownMedia;
    }
  | { row: number | null; fileId: string | null; problem: string }
  /** A found file that cannot be erased: left out, and counted. */
  | { row: null; fileId: string; unfit: Unfit };

/** A backlog that can be read once, sequentially, a row at a time. */
export interface BacklogSource {
  readonly kind: Extract<BatchSource['kind'], 'csv' | 'ndjson' | 'library'>;
  /** See `BatchSource`. */
  readonly name: string;
  rows(): AsyncIterable<SourceRow>;
  /** SHA-256 of the bytes, as hex digits; null before the end of the read, and where there are no bytes. */
  sha256(): string | null;
  /** Unknown columns, by name; known once the first row was read. */
  ignoredColumns(): readonly string[];
}

/** The source's name in a sentence. */
export function calledSource(name: string): string {
  return name === '-' ? 'Standard input' : name;
}

/** The source is unreadable as a whole or incomplete; discard everything read from it. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  /** `input`: its content is invalid; `unavailable`: it could not be read now */
  constructor(
    readonly kind: 'input' | 'unavailable',
    message: string,
    readonly advice: string | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

import type { BatchSource } from '../contract/batch.js';
import type { KnownMedia } from '../ledger/money/media-store.js';
import type { Unfit } from '../tencent-vod/fitness.js';

/** What one row of a source asks for, before any check; or what is wrong with how it is written. */
export type SourceRow =
  | {
      /** The row of the spreadsheet, a header being 1; of NDJSON the line; null for a source without rows. */
      row: number | null;
      /** Parts of a request; what it leaves out is taken from what the whole batch asks for. */
      fields: Record<string, unknown>;
      /** Told by the source itself, where it knows it. */
      media?: KnownMedia;
    }
  | { row: number | null; fileId: string | null; problem: string }
  /** A file that a search found, and from which nothing can be erased: left out, and counted. */
  | { row: null; fileId: string; unfit: Unfit };

/** A backlog that can be read once, from its beginning to its end, a row at a time. */
export interface BacklogSource {
  readonly kind: Extract<BatchSource['kind'], 'csv' | 'ndjson' | 'library'>;
  /** See `BatchSource`. */
  readonly name: string;
  rows(): AsyncIterable<SourceRow>;
  /** Of what was read, as hex digits. Null while it was not read to its end, and where there are no bytes. */
  sha256(): string | null;
  /** Columns that are none of ours, by name; known once the first row was read. */
  ignoredColumns(): readonly string[];
}

/** A source's name in a sentence. */
export function calledSource(name: string): string {
  return name === '-' ? 'Standard input' : name;
}

/** The source as a whole cannot be read, or not to its end. Nothing that came of it should be used. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  /**
   * `input`: what is in it is wrong; `unavailable`: it could not be read now
   */
  constructor(
    readonly kind: 'input' | 'unavailable',
    message: string,
    readonly advice: string | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

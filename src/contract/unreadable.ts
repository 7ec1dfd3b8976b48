/**
 * A payload that is not plain JSON: encrypted by the caller's codec, in an unknown encoding, or broken. It replaces the value, so
 * that it can be refused with a message; an error while decoding would repeat a workflow task for ever.
 */
import { shortWord, visibleText } from './text.js';

/** Maximum characters shown of an encoding and of a reason. */
const LONGEST_ENCODING = 60;
const LONGEST_REASON_SHOWN = 120;

/** Placeholder of an unreadable value. */
export class Unreadable {
  constructor(
    /** As named by its sender; '' without one. */
    readonly encoding: string,
    /** The converter's error. */
    readonly why: string,
  ) {}

  /** One sentence, without any part of the value. */
  sentence(what: string): string {
    const encoding = visibleText(shortWord(this.encoding, LONGEST_ENCODING));
    const how =
      encoding === 'json/plain'
        ? `it is no JSON (${visibleText(this.why.slice(0, LONGEST_REASON_SHOWN))})`
        : `its encoding is "${encoding}"`;
    return `${what} cannot be read: ${how}. Send plain JSON (json/plain), without a codec that encrypts or compresses.`;
  }
}

/** The value; undefined where it is unreadable. For display of known parts. */
export function readable<T>(value: T | undefined): T | undefined {
  return value instanceof Unreadable ? undefined : value;
}

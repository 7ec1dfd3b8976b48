/**
 * A value of a run that is not plain JSON: encrypted by a codec of the caller's, of an encoding that is not known here, or broken.
 * It stands where the value would, so that it can be refused in words; an error at that place would repeat a workflow task for ever.
 */
import { shortWord, visibleText } from './text.js';

/** Characters of an encoding, and of a reason, that are repeated. */
const LONGEST_ENCODING = 60;
const LONGEST_REASON_SHOWN = 120;

/** What stands for a value that cannot be read. */
export class Unreadable {
  constructor(
    /** As its sender named it; '' where it has none. */
    readonly encoding: string,
    /** What the converter said. */
    readonly why: string,
  ) {}

  /** One sentence, without anything of the value itself. */
  sentence(what: string): string {
    const encoding = visibleText(shortWord(this.encoding, LONGEST_ENCODING));
    const how =
      encoding === 'json/plain'
        ? `it is no JSON (${visibleText(this.why.slice(0, LONGEST_REASON_SHOWN))})`
        : `its encoding is "${encoding}"`;
    return `${what} cannot be read: ${how}. Send plain JSON (json/plain), without a codec that encrypts or compresses.`;
  }
}

/** The value, or undefined where it is one that cannot be read: for what is shown as far as it is known. */
export function readable<T>(value: T | undefined): T | undefined {
  return value instanceof Unreadable ? undefined : value;
}

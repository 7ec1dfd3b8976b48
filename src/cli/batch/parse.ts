import { InvalidArgumentError } from 'commander';
import { ENCODINGS_SHOWN, encodingNamed } from '../../text-file/encoding.js';

/** A part of the items, or a number of them. */
export type Share = { percent: number } | { count: number };

/** `5%`, `200`, or `any`. */
export function tolerated(text: string): Share | 'any' {
  return text === 'any' ? 'any' : shareOf(text, 'It is a share like 5%, a number of items, or any.');
}

/** `5%`, or `200`; more than zero, since an empty sample would never end. */
export function sample(text: string): Share {
  const share = shareOf(text, 'It is a percentage, such as 5%, or a whole number, such as 200.');
  if (('count' in share ? share.count : share.percent) === 0) {
    throw new InvalidArgumentError('A sample has one item at least. To look and pay for nothing, use `batch plan`.');
  }
  return share;
}

function shareOf(text: string, wanted: string): Share {
  const [, amount = '', percent] = /^(\d+(?:\.\d+)?)(%)?$/.exec(text) ?? [];
  const value = Number(amount);
  if (amount === '' || (percent ? value > 100 : !Number.isSafeInteger(value))) {
    throw new InvalidArgumentError(wanted);
  }
  return percent ? { percent: value } : { count: value };
}

/** Encoding of a list, by any of its names. */
export function encoding(text: string): string {
  const known = encodingNamed(text);
  if (known === null) throw new InvalidArgumentError(`It is not known; known are ${ENCODINGS_SHOWN} and others.`);
  return known;
}

/** The id becomes part of a workflow id and of file names. */
export function batchId(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text)) {
    throw new InvalidArgumentError(
      'An id has at most 100 letters, digits, ".", "_" and "-", and begins with one of the first two.',
    );
  }
  return text;
}

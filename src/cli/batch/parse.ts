import { InvalidArgumentError } from 'commander';

/** A part of the items, or a number of them. */
export type Share = { percent: number } | { count: number };

/** `5%`, `200`, or `any`. */
export function tolerated(text: string): Share | 'any' {
  return text === 'any' ? 'any' : shareOf(text, 'It is a share like 5%, a number of items, or any.');
}

/** `5%`, or `200`. */
export function share(text: string): Share {
  return shareOf(text, 'It is a percentage, such as 5%, or a whole number, such as 200.');
}

function shareOf(text: string, wanted: string): Share {
  const [, amount = '', percent] = /^(\d+(?:\.\d+)?)(%)?$/.exec(text) ?? [];
  const value = Number(amount);
  if (amount === '' || (percent ? value > 100 : !Number.isSafeInteger(value))) {
    throw new InvalidArgumentError(wanted);
  }
  return percent ? { percent: value } : { count: value };
}

/** Becomes part of a workflow id and of the names of files. */
export function batchId(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text)) {
    throw new InvalidArgumentError(
      'An id has at most 100 letters, digits, ".", "_" and "-", and begins with one of the first two.',
    );
  }
  return text;
}

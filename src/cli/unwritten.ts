import { EraseError } from '../errors.js';
import type { StandardStream } from '../process/standard-streams.js';

/** Cause and advice by system error code. */
const REASONS: Readonly<Record<string, readonly [string, string]>> = {
  ENOSPC: ['the disk is full', 'Make room, or write to another disk.'],
  EDQUOT: ['the quota of the disk is used up', 'Make room, or write to another disk.'],
  EFBIG: ['the file would be larger than is allowed', 'Raise the limit (`ulimit -f`), or write to another disk.'],
  EPIPE: ['its reader had left before the result came', 'Run it again with a reader that stays.'],
  EIO: ['the disk or the terminal failed', 'Write to a file on another disk.'],
  EBADF: ['stdout is not open for writing', 'Give a stdout that can be written to.'],
};

/** The error of a result that stdout did not take; null when it was written, or its reader had enough. */
export function unwritten(stdout: Pick<StandardStream, 'problem' | 'readerHadEnough'>): EraseError | null {
  const { problem, readerHadEnough } = stdout;
  if (problem === null || readerHadEnough) return null;
  const code = problem.code ?? 'unknown';
  const [why, advice] = REASONS[code] ?? [problem.message, 'Write to another place.'];
  return new EraseError('unavailable', `The result could not be written to stdout: ${why} (${code}).`, {
    advice: `What was asked for may be done all the same: look before you repeat it. ${advice}`,
    cause: problem,
  });
}

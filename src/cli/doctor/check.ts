import { EXIT, type ExitCode } from '../../contract/error-classes.js';
import { explain } from '../error-printer.js';

export type Verdict = 'ok' | 'warn' | 'fail';

/** One line of the doctor's report. */
export interface Check {
  name: string;
  verdict: Verdict;
  /** What was found. */
  found: string;
  /** What to do; null when nothing is. */
  advice: string | null;
  /** What a failure ends the command with. */
  exitCode: ExitCode;
}

export function ok(name: string, found: string): Check {
  return { name, verdict: 'ok', found, advice: null, exitCode: EXIT.ok };
}

export function warn(name: string, found: string, advice: string): Check {
  return { name, verdict: 'warn', found, advice, exitCode: EXIT.ok };
}

export function fail(name: string, found: string, advice: string | null, exitCode: ExitCode): Check {
  return { name, verdict: 'fail', found, advice, exitCode };
}

/** A failed check out of what a call threw. */
export function failedBy(name: string, error: unknown): Check {
  const { what, ids, advice, exitCode } = explain(error);
  const found = ids.length === 0 ? what.join(' ') : `${what.join(' ')} (${ids.join(', ')})`;
  return fail(name, found, advice, exitCode);
}

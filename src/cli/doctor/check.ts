import { EXIT, type ExitCode } from '../../contract/error-classes.js';
import { explain } from '../error-printer.js';

export type Verdict = 'ok' | 'warn' | 'fail';

export interface Check {
  name: string;
  verdict: Verdict;
  found: string;
  /** Recommended action; null when there is none. */
  advice: string | null;
  /** Exit code of the command if this check fails. */
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

/** Makes a failed check from a thrown error. */
export function failedBy(name: string, error: unknown): Check {
  const { what, ids, advice, exitCode } = explain(error);
  const found = ids.length === 0 ? what.join(' ') : `${what.join(' ')} (${ids.join(', ')})`;
  return fail(name, found, advice, exitCode);
}

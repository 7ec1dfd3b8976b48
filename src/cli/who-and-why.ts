import { userInfo } from 'node:os';
import { UsageError } from './exit.js';

/**
 * Who is at this shell, for the options that say who: USER, LOGNAME, or else the account of the operating system, which in a
 * container names nobody in particular. Undefined where it has no name.
 */
export function whoIsHere(): string | undefined {
  const named = [process.env.USER, process.env.LOGNAME].find((name) => name !== undefined && name.trim() !== '');
  if (named !== undefined) return named;
  try {
    return userInfo().username;
  } catch {
    // An account without an entry, as in a container that runs as any number.
    return undefined;
  }
}

/** @throws UsageError where nobody is named: what is spent or decided is somebody's. */
export function mustSayWho(name: string | undefined, does: string, option: string): string {
  if (name === undefined || name.trim() === '') throw new UsageError(`Say who ${does}: ${option} NAME.`);
  return name;
}

/** @throws UsageError where a reason was given that says nothing */
export function reasonIfGiven(reason: string | undefined): string | null {
  if (reason === undefined) return null;
  if (reason.trim() === '') throw new UsageError('Say why: --reason is empty.');
  return reason;
}

import { userInfo } from 'node:os';
import { UsageError } from './exit.js';

/**
 * Default for the options that name a person: USER, LOGNAME, or the account of the operating system, which in a container names
 * no person. Undefined where it has no name.
 */
export function whoIsHere(): string | undefined {
  const named = [process.env.USER, process.env.LOGNAME].find((name) => name !== undefined && name.trim() !== '');
  if (named !== undefined) return named;
  try {
    return userInfo().username;
  } catch {
    // A uid without a passwd entry, as in a container with an arbitrary uid.
    return undefined;
  }
}

/** @throws UsageError when the name is missing: each payment or decision needs one */
export function mustSayWho(name: string | undefined, does: string, option: string): string {
  if (name === undefined || name.trim() === '') throw new UsageError(`Say who ${does}: ${option} NAME.`);
  return name;
}

/** @throws UsageError when a reason is given but empty */
export function reasonIfGiven(reason: string | undefined): string | null {
  if (reason === undefined) return null;
  if (reason.trim() === '') throw new UsageError('Say why: --reason is empty.');
  return reason;
}

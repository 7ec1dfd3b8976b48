import { UsageError } from './exit.js';

/** Who is at this shell, for the options that say who; undefined where it does not tell, as in a container or a timer's job. */
export function whoIsHere(): string | undefined {
  return [process.env.USER, process.env.LOGNAME].find((name) => name !== undefined && name.trim() !== '');
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

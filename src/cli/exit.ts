import { EXIT, type ExitCode } from '../contract/error-classes.js';

/** A command ends with this exit code, having said all there is to say. */
export class Exit extends Error {
  constructor(readonly code: ExitCode) {
    super(`exit ${code}`);
    this.name = 'Exit';
  }
}

/** The command line is wrong in a way that the parser cannot see. */
export class UsageError extends Error {
  readonly exitCode = EXIT.usage;
  constructor(
    message: string,
    readonly advice: string | null = null,
  ) {
    super(message);
    this.name = 'UsageError';
  }
}

/** The worst of several exit codes: what is unexpected first, then by number. */
export function worstExit(codes: readonly ExitCode[]): ExitCode {
  if (codes.includes(EXIT.unexpected)) return EXIT.unexpected;
  return Math.max(EXIT.ok, ...codes) as ExitCode;
}

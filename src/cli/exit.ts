import { EXIT, type ExitCode } from '../contract/error-classes.js';

/** Ends a command with this exit code; its messages have been printed. */
export class Exit extends Error {
  constructor(readonly code: ExitCode) {
    super(`exit ${code}`);
    this.name = 'Exit';
  }
}

/** A command-line error that the parser cannot detect. */
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

/** The worst of several exit codes: unexpected first, then the highest number. */
export function worstExit(codes: readonly ExitCode[]): ExitCode {
  if (codes.includes(EXIT.unexpected)) return EXIT.unexpected;
  return Math.max(EXIT.ok, ...codes) as ExitCode;
}

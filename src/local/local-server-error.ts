import { EraseError } from '../errors.js';

/** Why a local server is not available. */
export const LOCAL_SERVER_PROBLEMS = {
  /** Another program listens on the wanted port. */
  portInUse: 'port-in-use',
  /** A required program cannot be found, downloaded or built. */
  programMissing: 'program-missing',
  /** The program ended early, or never became ready. */
  startFailed: 'start-failed',
  /** The data folder cannot be used. */
  dataFolder: 'data-folder',
} as const;
export type LocalServerProblem = (typeof LOCAL_SERVER_PROBLEMS)[keyof typeof LOCAL_SERVER_PROBLEMS];

/** The message includes the advice; there is no separate advice field. */
export class LocalServerError extends EraseError {
  constructor(
    readonly problem: LocalServerProblem,
    message: string,
    options: ErrorOptions = {},
  ) {
    super('configuration', message, { code: problem, advice: '', cause: options.cause });
  }
}

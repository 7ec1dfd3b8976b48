import { EraseError } from '../errors.js';

/** Why a server of our own could not be had. */
export const LOCAL_SERVER_PROBLEMS = {
  /** Something else listens on the wanted port. */
  portInUse: 'port-in-use',
  /** A program that is needed cannot be found, fetched or built. */
  programMissing: 'program-missing',
  /** The program started and ended again, or never became ready. */
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

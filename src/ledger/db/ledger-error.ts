import { type Cause, causeOf } from './error-causes.js';

/**
 * An error of the ledger.
 * - `unavailable`: it cannot be reached or cannot write now, or the connection broke: the statement may or may not have been
 * committed. Every write is safe to repeat, so retry.
 * - `schema`: reachable, but not migrated, migrated by a newer program, or an unsuitable server or database
 * - `access`: the login, its rights, the name of the database or the certificate was refused
 * - `unexpected`: anything else
 */
export type LedgerErrorKind = 'unavailable' | 'schema' | 'access' | 'unexpected';

export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  constructor(
    readonly kind: LedgerErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Converts any driver error into a {@link LedgerError}: what failed, why, and what to do. */
export function toLedgerError(error: unknown, doing: string): LedgerError {
  if (error instanceof LedgerError) return error;
  return ledgerErrorOf(causeOf(error), error, doing);
}

/** The same with a cause that the caller knows better. */
export function ledgerErrorOf({ kind, what, advice, said }: Cause, error: unknown, doing: string): LedgerError {
  const because = what === '' ? said : `${what} (${said})`;
  return new LedgerError(kind, `Cannot ${doing}: ${because}.${advice === '' ? '' : ` ${advice}`}`, { cause: error });
}

/** Runs `work`, and converts its error into a `LedgerError` that names the failed operation. */
export async function guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toLedgerError(error, doing);
  }
}

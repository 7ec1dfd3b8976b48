/**
 * What went wrong with the ledger.
 * - `unavailable`: it cannot be reached, or the connection broke: the statement may or may not have been committed.
 *   Every write is safe to repeat, so the answer is to try again.
 * - `schema`: reachable, but not migrated, or migrated by a newer program
 * - `access`: the login was refused
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

/**
 * Errnos and SQLSTATE classes that say "try again later": class 08 connection, 53 resources, 57 shutdown and cancelled
 * statements, 40 rollback; 25006 read-only (a standby before it takes over), 25P03 a transaction that stood idle, 55P03 lock not
 * available.
 */
const UNAVAILABLE = /^(E(CONN|PIPE|HOSTUNREACH|NETUNREACH|AI_AGAIN|TIMEDOUT)|ENOTFOUND|08|53|57|40|25006|25P03|55P03)/;
/** undefined_table, undefined_column, invalid_schema_name, undefined_function. */
const SCHEMA = new Set(['42P01', '42703', '3F000', '42883']);
/** invalid_password, invalid_authorization_specification, insufficient_privilege, invalid_catalog_name. */
const ACCESS = new Set(['28P01', '28000', '42501', '3D000']);

/** Puts any error of the driver into a {@link LedgerError}. The driver's texts carry no password. */
export function toLedgerError(error: unknown, doing: string): LedgerError {
  if (error instanceof LedgerError) return error;
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const code = (first as { code?: unknown } | null)?.code;
  const text = first instanceof Error ? first.message : String(first);
  if (typeof code === 'string') {
    if (SCHEMA.has(code)) {
      return new LedgerError(
        'schema',
        `Cannot ${doing}: the ledger's tables are not those of this version (${text}). Run \`smart-erase setup\`; if a newer version did, upgrade this program.`,
        { cause: error },
      );
    }
    if (ACCESS.has(code)) {
      return new LedgerError(
        'access',
        `Cannot ${doing}: PostgreSQL refused (${text}). Check DATABASE_URL and the grants.`,
        {
          cause: error,
        },
      );
    }
    if (UNAVAILABLE.test(code)) {
      return new LedgerError(
        'unavailable',
        `Cannot ${doing}: PostgreSQL is not reachable (${text}). Check DATABASE_URL.`,
        {
          cause: error,
        },
      );
    }
  }
  if (
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout/.test(
      text,
    )
  ) {
    return new LedgerError('unavailable', `Cannot ${doing}: the connection to PostgreSQL broke (${text}).`, {
      cause: error,
    });
  }
  return new LedgerError('unexpected', `Cannot ${doing}: ${text}`, { cause: error });
}

/** Runs `work`; what it throws becomes a `LedgerError` that says what could not be done. */
export async function guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toLedgerError(error, doing);
  }
}

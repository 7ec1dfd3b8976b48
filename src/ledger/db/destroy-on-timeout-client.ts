import pg from 'pg';
import { fitParameters } from './parameters.js';

/** The driver's message when no answer came within `query_timeout`. */
const READ_TIMEOUT = 'Query read timeout';
/** read_only_sql_transaction */
const READ_ONLY = '25006';

/**
 * Destroys a connection after a statement without an answer. The driver would go on using it: after a silent loss of the host,
 * every statement would wait until the kernel's timeout, a quarter of an hour later.
 *
 * It also replaces what PostgreSQL text cannot hold in every parameter. Otherwise one NUL, from a vendor's message or a
 * reviewer's reason, would fail its statement on every repetition.
 */
export class DestroyOnTimeoutClient extends pg.Client {
  /** The server became read-only: of several, another is now the writable one. */
  readsOnly = false;

  constructor(config?: string | pg.ClientConfig) {
    super(config);
    // The pool listens to idle connections only: an error between two statements of a transaction would end the process. The next
    // statement fails, and reports it.
    this.on('error', () => undefined);
    const query = this.query.bind(this) as (...args: unknown[]) => unknown;
    const watched = (statement: unknown, values?: unknown, ...rest: unknown[]): unknown => {
      const sent = query(statement, Array.isArray(values) ? fitParameters(values) : values, ...rest);
      if (!(sent instanceof Promise)) return sent;
      return sent.catch((error: unknown) => {
        if (error instanceof Error && error.message === READ_TIMEOUT) this.giveUp(error);
        if ((error as { code?: unknown } | null)?.code === READ_ONLY) this.readsOnly = true;
        throw error;
      });
    };
    this.query = watched as typeof this.query;
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: ((error: Error) => void) | ((error: null, client: pg.Client) => void)): void;
  override connect(callback?: (error: never, client: pg.Client) => void): Promise<pg.Client> | undefined {
    const connected = super.connect().catch((error: unknown) => {
      // An aborted login would otherwise stay half open at the server, and block others, for a minute.
      this.giveUp();
      throw error;
    });
    if (callback === undefined) return connected;
    const call = callback as (error: Error | null, client: pg.Client) => void;
    connected.then(
      () => call(null, this),
      (error: Error) => call(error, this),
    );
    return undefined;
  }

  /** The pool then drops it, whether it is idle or in use. */
  private giveUp(error?: Error): void {
    const { stream } = (this as unknown as { connection: { stream: { destroy(error?: Error): void } } }).connection;
    stream.destroy(error);
  }
}

import pg from 'pg';
import { fitParameters } from './parameters.js';

/** What the driver says when no answer came within `query_timeout`. */
const READ_TIMEOUT = 'Query read timeout';
/** read_only_sql_transaction */
const READ_ONLY = '25006';

/**
 * A connection that is given up once it left a statement without an answer. The driver itself would go on using it: when
 * the other host vanished without a word, every later statement would wait behind the first, until the kernel gives the
 * connection up a quarter of an hour later.
 *
 * It is also the one way of texts into PostgreSQL: what no text there may hold is taken out of every parameter. One NUL, from
 * a vendor's message or a reviewer's reason, would else fail its statement each time that it is repeated.
 */
export class DestroyOnTimeoutClient extends pg.Client {
  /** The server has become one that only reads: of several, another is the one to go on with. */
  readsOnly = false;

  constructor(config?: string | pg.ClientConfig) {
    super(config);
    // The pool listens to idle connections only: one that breaks between two statements of a transaction would end the
    // process. The next statement on it fails, and says so.
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
      // A login that is broken off here would else stand half open at the server, and hold others up there, for a minute.
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

import { type Logger, NativeConnection, type Worker } from '@temporalio/worker';
import type { TemporalSettings } from '../config/temporal-settings.js';
import { certificateEnd } from '../config/temporal-tls.js';
import { UnavailableError } from '../errors.js';
import { connectWorker } from '../temporal/worker-connection.js';

/** Interval of file checks, in milliseconds: a changed certificate takes effect, or the worker ends, within a minute. */
const LOOK_MS = 10_000;
/** Time limit of the check whether Temporal answers, in milliseconds. */
const ANSWER_MS = 5_000;

export interface Kept {
  workers: readonly Worker[];
  logger: Logger;
  /** Aborted at shutdown. */
  stopping: AbortSignal;
  /** Called once, when a reconnection requires a new process. */
  onLost: (error: UnavailableError) => void;
}

/**
 * The worker's connection, replaced when certificate or key files have changed. {@link CurrentConnection.connection} always uses
 * the newest.
 */
export class CurrentConnection {
  /** Forwards to the newest connection. */
  readonly connection: NativeConnection;
  #settings: TemporalSettings;
  #failedLooks = 0;

  private constructor(
    private native: NativeConnection,
    settings: TemporalSettings,
  ) {
    this.#settings = settings;
    // A proxy must return a fixed property unchanged, so its target has none.
    this.connection = new Proxy(Object.create(NativeConnection.prototype) as NativeConnection, {
      get: (_target, name) => {
        const value: unknown = Reflect.get(this.native, name, this.native);
        return typeof value === 'function' ? value.bind(this.native) : value;
      },
    });
  }

  /** @throws UnavailableError, ConfigurationError */
  static async open(settings: TemporalSettings): Promise<CurrentConnection> {
    const { connection } = await connectWorker(settings);
    return new CurrentConnection(connection, settings);
  }

  /** For {@link Worker.create}, which requires the SDK's own object. */
  get ofWorkers(): NativeConnection {
    return this.native;
  }

  async close(): Promise<void> {
    await this.native.close();
  }

  /** Starts the file checks. */
  keep(kept: Kept): void {
    const { reread } = this.#settings;
    const end = certificateEnd(this.#settings.connectionOptions.reveal());
    if (reread === undefined || !this.#settings.tls) return;
    let looking = false;
    const timer = setInterval(() => {
      if (looking) return;
      looking = true;
      this.#look(reread, kept)
        .catch((error: unknown) =>
          kept.logger.warn('The certificates for Temporal, as they are in their files now, cannot be used yet', {
            error,
          }),
        )
        .finally(() => {
          looking = false;
        });
    }, LOOK_MS);
    timer.unref();
    kept.stopping.addEventListener('abort', () => clearInterval(timer), { once: true });
    if (end !== undefined)
      kept.logger.info('The client certificate for Temporal ends', { at: new Date(end).toISOString() });
  }

  async #look(reread: () => TemporalSettings, kept: Kept): Promise<void> {
    const next = reread();
    if (!sameOptions(next, this.#settings)) return await this.#replace(next, kept);
    const end = certificateEnd(next.connectionOptions.reveal());
    if (end === undefined || end > Date.now() || (await this.#answers())) {
      this.#failedLooks = 0;
      return;
    }
    this.#failedLooks += 1;
    if (this.#failedLooks < 2) return;
    const found = `The client certificate ended at ${new Date(end).toISOString()}, and Temporal answers no more.`;
    kept.onLost(
      new UnavailableError(found, { advice: 'Renew the certificate; the worker goes on when it is started again.' }),
    );
  }

  /** A call already waiting stays on the old connection; if that is dead, a new process is necessary. */
  async #replace(next: TemporalSettings, { workers, logger, stopping, onLost }: Kept): Promise<void> {
    const answered = await this.#answers();
    const { connection } = await connectWorker(next);
    if (!answered || stopping.aborted) {
      await connection.close();
      if (stopping.aborted) return;
      const found = 'The certificates for Temporal have changed, and the connection with the old ones is dead.';
      return onLost(new UnavailableError(found, { advice: 'Start the worker again: it connects with the new ones.' }));
    }
    const old = this.native;
    for (const worker of workers) worker.connection = connection;
    this.native = connection;
    this.#settings = next;
    logger.info('Connected to Temporal anew: the certificates have changed');
    await old.close();
  }

  async #answers(): Promise<boolean> {
    try {
      const { native } = this;
      await native.withDeadline(Date.now() + ANSWER_MS, () => native.workflowService.getSystemInfo({}));
      return true;
    } catch {
      return false;
    }
  }
}

/** Keys and certificates are bytes, which JSON would not compare as text. */
function sameOptions(one: TemporalSettings, other: TemporalSettings): boolean {
  const text = ({ connectionOptions }: TemporalSettings) =>
    JSON.stringify(connectionOptions.reveal(), (_name, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    );
  return text(one) === text(other);
}

import type { SubmitConnection } from '../../../tencent-vod/vod-api.js';

/** How long a failure to connect is remembered, in milliseconds: within it the call is made, and reports the cause. */
const NONE_STANDS_MS = 5_000;

/**
 * The connection of one submit, opened before its slot and reopened if the other side closes it. At the slot's time only the
 * request remains to be written.
 */
export class OpenAhead {
  #opening: Promise<void> | undefined;
  #connection: SubmitConnection | null = null;
  #isOver = false;
  #noneAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly connect: () => Promise<SubmitConnection | null>) {}

  /**
   * Resolves when the connection is open, or failed in a way that the call itself will report.
   * @throws VodError when the vendor does not answer: nothing was sent
   */
  async ready(): Promise<void> {
    if (this.#isOver || this.#connection?.isOpen()) return;
    if (performance.now() - this.#noneAtMs < NONE_STANDS_MS) return;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  get connection(): SubmitConnection | undefined {
    return this.#connection ?? undefined;
  }

  /** A request closes the connection that it used; this closes unused ones. */
  close(): void {
    this.#isOver = true;
    this.#connection?.close();
  }

  async #open(): Promise<void> {
    this.#connection?.close();
    this.#connection = null;
    const connection = await this.connect();
    if (connection === null) this.#noneAtMs = performance.now();
    if (this.#isOver) connection?.close();
    else this.#connection = connection;
  }
}

import type { SubmitConnection } from '../../../tencent-vod/vod-api.js';

/** For how long it stands that none can be had, in milliseconds: within it the call is made, and tells why. */
const NONE_STANDS_MS = 5_000;

/**
 * The connection of one submit. It is opened before its slot is due, however far away the vendor is, and opened anew when the other side
 * closes it meanwhile. So when the slot is due there is nothing left to do but to write.
 */
export class OpenAhead {
  #opening: Promise<void> | undefined;
  #connection: SubmitConnection | null = null;
  #isOver = false;
  #noneAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly connect: () => Promise<SubmitConnection | null>) {}

  /**
   * Resolves when the connection is open, or cannot be had in a way of which the call itself can tell.
   * @throws VodError when nobody answers: nothing was sent
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

  /** What a request uses is closed by its end; this closes what none used. */
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

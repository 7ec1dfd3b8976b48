import { fstatSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

/** Bytes of one write: less than a pipe's buffer, so that the first write shows whether the reader accepts it. */
const PIECE_BYTES = 16 * 1024;
/** Bytes of a log that may wait for a slow reader; further lines are dropped. */
const LOG_WAITING_BYTES = 8 * 1024 * 1024;
/** At the end, a reader of messages that accepts nothing for this long, in milliseconds, is abandoned. */
const MESSAGES_STUCK_MS = 5_000;

type Name = 'stdout' | 'stderr';

/**
 * One of the two output streams of this process. A write never throws or ends the process; {@link StandardStream.problem} has its
 * error.
 */
export class StandardStream {
  private problemFound: NodeJS.ErrnoException | null = null;
  private opened: ((data: Uint8Array, done: (error?: Error | null) => void) => void) | undefined;
  private waiting = 0;
  private dropped = 0;
  private taken = 0;
  private readonly idle: (() => void)[] = [];
  private readonly broken: (() => void)[] = [];

  constructor(private readonly name: Name) {}

  /** The error of a failed write; null while there is none. */
  get problem(): NodeJS.ErrnoException | null {
    return this.problemFound;
  }

  /** The reader accepted the beginning and then closed, as `head` does. */
  get readerHadEnough(): boolean {
    return this.problemFound?.code === 'EPIPE' && this.taken > 0;
  }

  /** Writes a text; errors are only recorded. After an error nothing more is written. */
  write(text: string): void {
    const data = Buffer.from(text, 'utf8');
    const send = this.open();
    for (let at = 0; at < data.length && this.problemFound === null; at += PIECE_BYTES) {
      const piece = data.subarray(at, at + PIECE_BYTES);
      this.waiting += piece.length;
      send(piece, (error) => this.sent(piece.length, error));
    }
  }

  /** Writes a log line. While the reader is stuck, lines are dropped, and counted in the next one written. */
  writeLog(line: string, sayDropped: (lines: number) => string): void {
    if (this.waiting > LOG_WAITING_BYTES) {
      this.dropped += 1;
      return;
    }
    if (this.dropped > 0) {
      const { dropped } = this;
      this.dropped = 0;
      this.write(sayDropped(dropped));
    }
    this.write(line);
  }

  /**
   * Settles when all output is accepted, or has failed. A stuck reader of stderr is abandoned, so that messages do not delay the
   * exit.
   */
  async flush(): Promise<void> {
    while (this.waiting > 0 && this.problemFound === null) {
      const before = this.taken;
      const emptied = new Promise<void>((resolve) => this.idle.push(resolve));
      if (this.name === 'stdout') await emptied;
      else if ((await Promise.race([emptied, later(MESSAGES_STUCK_MS)])) === 'late' && this.taken === before) return;
    }
  }

  /** Calls `tell` once when writing has failed, or immediately if it already has. */
  onceBroken(tell: () => void): () => void {
    if (this.problemFound !== null) tell();
    else this.broken.push(tell);
    return () => {
      const at = this.broken.indexOf(tell);
      if (at >= 0) this.broken.splice(at, 1);
    };
  }

  /** Redirects the output of other code on this stream to `onLine`, line by line. */
  takeOver(onLine: (line: string) => void): void {
    this.open();
    let rest = '';
    const stream = process[this.name];
    stream.write = ((chunk: string | Uint8Array, encoding?: unknown, done?: unknown) => {
      const lines = (rest + (typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'))).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') onLine(line);
      const callback = typeof encoding === 'function' ? encoding : done;
      if (typeof callback === 'function') queueMicrotask(() => callback());
      return true;
    }) as typeof stream.write;
    process.once('exit', () => {
      if (rest.trim() !== '') onLine(rest);
    });
  }

  /** Takes over the error of the other stream, if both write to the same pipe. */
  shareProblem(error: NodeJS.ErrnoException): void {
    if (this.problemFound !== null) return;
    this.problemFound = error;
    for (const tell of [...this.broken.splice(0), ...this.idle.splice(0)]) tell();
  }

  private open() {
    this.opened ??= this.isFile() ? this.writeToFile() : this.writeToStream();
    return this.opened;
  }

  /** A file or a device, where Node's own writes do not check for partial writes. */
  private isFile(): boolean {
    return !(process[this.name] instanceof Socket) && isFileOrDevice(descriptorOf(this.name));
  }

  private writeToFile() {
    const descriptor = descriptorOf(this.name);
    return (data: Uint8Array, done: (error?: Error | null) => void) => {
      try {
        for (let at = 0; at < data.length; ) at += writeSync(descriptor, data, at);
        done();
      } catch (error) {
        done(error as Error);
      }
    };
  }

  private writeToStream() {
    const stream = process[this.name];
    // Each write's callback reports the error too; without a listener it would end the process.
    stream.on('error', (error: NodeJS.ErrnoException) => this.fail(error));
    const write = stream.write.bind(stream) as (data: Uint8Array, done: (error?: Error | null) => void) => boolean;
    return (data: Uint8Array, done: (error?: Error | null) => void) => {
      write(data, done);
    };
  }

  private sent(bytes: number, error: Error | null | undefined): void {
    this.waiting -= bytes;
    if (error) this.fail(error);
    else this.taken += bytes;
    if (this.waiting === 0) for (const tell of this.idle.splice(0)) tell();
  }

  private fail(error: NodeJS.ErrnoException): void {
    this.shareProblem(error);
    const other = this.name === 'stdout' ? stderr : stdout;
    if (error.code === 'EPIPE' && isSamePipe()) other.shareProblem(error);
  }
}

/** For results. */
export const stdout = new StandardStream('stdout');
/** For messages, and for a worker's log. */
export const stderr = new StandardStream('stderr');

function descriptorOf(name: Name): number {
  return name === 'stdout' ? 1 : 2;
}

function isFileOrDevice(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor);
    return stat.isFile() || stat.isCharacterDevice();
  } catch {
    return false;
  }
}

/** With `2>&1`, a reader that closes one stream closes both. */
function isSamePipe(): boolean {
  try {
    const [out, err] = [fstatSync(1), fstatSync(2)];
    return out.ino === err.ino && out.dev === err.dev;
  } catch {
    return false;
  }
}

function later(ms: number): Promise<'late'> {
  return new Promise((resolve) => setTimeout(resolve, ms, 'late').unref());
}

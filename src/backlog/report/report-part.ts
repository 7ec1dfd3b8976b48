import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReportFile } from '../../contract/report.js';

/** Size of one write, in bytes. Ours. */
const CHUNK_BYTES = 256 * 1024;

/** One file of a report: written in chunks, and counted and hashed meanwhile. */
export class ReportPart {
  private readonly hash = createHash('sha256');
  private waiting: string[] = [];
  private waitingLength = 0;
  private bytes = 0;
  private items = 0;

  private constructor(
    private readonly name: string,
    private readonly file: FileHandle,
  ) {}

  static async open(folder: string, name: string): Promise<ReportPart> {
    return new ReportPart(name, await open(join(folder, name), 'wx'));
  }

  /** Adds text that contains this many items. */
  async write(text: string, items: number): Promise<void> {
    this.items += items;
    this.waiting.push(text);
    this.waitingLength += text.length;
    if (this.waitingLength >= CHUNK_BYTES) await this.flush();
  }

  /** Resolves when all data is on the disk. */
  async end(): Promise<ReportFile> {
    await this.flush();
    await this.file.sync();
    return { name: this.name, items: this.items, bytes: this.bytes, sha256: this.hash.digest('hex') };
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  private async flush(): Promise<void> {
    const chunk = Buffer.from(this.waiting.join(''), 'utf8');
    this.waiting = [];
    this.waitingLength = 0;
    for (let at = 0; at < chunk.length; ) at += (await this.file.write(chunk, at)).bytesWritten;
    this.hash.update(chunk);
    this.bytes += chunk.length;
  }
}

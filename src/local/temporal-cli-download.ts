import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

/** The service from which Temporal's SDKs download their dev server (sdk-core, `ephemeral_server`). */
export const CLI_DOWNLOAD_SERVICE = 'https://temporal.download';
/** Offline, name resolution may take long to fail; this limits the wait, in milliseconds. */
export const CLI_DOWNLOAD_ANSWER_TIMEOUT_MS = 5_000;
/** For about 60 MB at half a megabyte a second or more. */
export const CLI_DOWNLOAD_TIMEOUT_MS = 120_000;

export interface CliDownload {
  /** "v1.5.1" */
  version: string;
  /** The output file; the caller must rename it into place for an atomic result. */
  target: string;
  service?: string;
  signal?: AbortSignal;
}

/**
 * Downloads a released Temporal CLI like the SDK: asks the service for the archive, and unpacks one file of it.
 * @throws Error whose message is a short reason ("getaddrinfo ENOTFOUND temporal.download")
 */
export async function downloadTemporalCli({
  version,
  target,
  service = CLI_DOWNLOAD_SERVICE,
  signal,
}: CliDownload): Promise<void> {
  const query = new URLSearchParams({ arch: architecture(), platform: platform(), format: 'tar.gz' });
  const answer = await get(`${service}/cli/${version}?${query}`, CLI_DOWNLOAD_ANSWER_TIMEOUT_MS, signal);
  const { archiveUrl, fileToExtract } = (await answer.json()) as { archiveUrl?: unknown; fileToExtract?: unknown };
  if (typeof archiveUrl !== 'string' || typeof fileToExtract !== 'string') {
    throw new Error(`${service} did not name an archive for ${platform()} ${architecture()}`);
  }
  const folder = await mkdtemp(join(tmpdir(), 'temporal-cli-'));
  try {
    const archive = join(folder, 'archive.tar.gz');
    const { body } = await get(archiveUrl, CLI_DOWNLOAD_TIMEOUT_MS, signal);
    if (!body) throw new Error(`${archiveUrl} is empty`);
    await pipeline(Readable.fromWeb(body as import('node:stream/web').ReadableStream), createWriteStream(archive));
    await promisify(execFile)('tar', ['-xzf', archive, '-C', folder, fileToExtract], { signal });
    await copyFile(join(folder, fileToExtract), target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function get(url: string, timeoutMs: number, signal?: AbortSignal): Promise<Response> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    if (!response.ok) throw new Error(`${new URL(url).host} answered ${response.status}`);
    return response;
  } catch (error) {
    signal?.throwIfAborted();
    if (timeout.aborted) throw new Error(`${new URL(url).host} did not answer within ${timeoutMs / 1000} s`);
    const cause = error instanceof Error ? error.cause : undefined;
    throw cause instanceof Error ? new Error(cause.message || String(cause)) : error;
  }
}

function platform(): string {
  return process.platform === 'win32' ? 'windows' : process.platform;
}

function architecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

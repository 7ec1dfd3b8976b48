import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { noCounts } from '../../contract/batch.js';
import {
  REPORT_FILE,
  REPORT_SCHEMA_VERSION,
  type ReportFile,
  type ReportItem,
  type ReportManifest,
} from '../../contract/report.js';
import type { BatchReportStore, ReportedBatch } from '../../ledger/batches/batch-report.js';
import { type CsvForm, csvForm } from './csv.js';
import { ReportPart } from './report-part.js';
import { writeWholeFolder } from './whole-folder.js';

export interface ReportOptions {
  folder: string;
  /** Replace an existing report. */
  replace: boolean;
  /** Write the CSV files for a spreadsheet; default: for programs. */
  excel?: boolean;
  /** Aborts, and removes what was written. */
  signal?: AbortSignal;
  /** Called after every thousand items. */
  onProgress?: (items: number) => void;
}

/** Items between two progress reports. */
const PROGRESS_ITEMS = 1_000;

/**
 * Streams the report of a batch from the ledger, with constant memory. The folder is created atomically.
 *
 * @throws FolderError, LedgerError, the reason of the signal
 */
export async function writeReport(
  store: BatchReportStore,
  batch: ReportedBatch,
  { folder, replace, excel = false, signal, onProgress }: ReportOptions,
): Promise<ReportManifest> {
  const options = { replace, knownNames: Object.values(REPORT_FILE) };
  return await writeWholeFolder(folder, options, async (temporary) => {
    const parts = new Parts(csvForm({ spreadsheet: excel }));
    try {
      await parts.open(temporary);
      for await (const item of store.items(batch.batchId)) {
        signal?.throwIfAborted();
        await parts.add(item);
        if (parts.counts.total % PROGRESS_ITEMS === 0) onProgress?.(parts.counts.total);
      }
      const manifest = manifestOf(batch, parts, await parts.end());
      await writeSynced(join(temporary, REPORT_FILE.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
      return manifest;
    } finally {
      await parts.close();
    }
  });
}

/** Every file except the manifest, with the lines before its items. */
const headersOf = ({ itemHeader, mappingHeader }: CsvForm) => ({
  [REPORT_FILE.succeededNdjson]: '',
  [REPORT_FILE.succeededCsv]: itemHeader,
  [REPORT_FILE.failedNdjson]: '',
  [REPORT_FILE.failedCsv]: itemHeader,
  [REPORT_FILE.mapping]: mappingHeader,
});

/** The files with the items, and their totals. */
class Parts {
  readonly counts = noCounts();
  costUsd = 0;
  private readonly parts = new Map<string, ReportPart>();

  constructor(private readonly csv: CsvForm) {}

  async open(folder: string): Promise<void> {
    for (const [name, header] of Object.entries(headersOf(this.csv))) {
      const part = await ReportPart.open(folder, name);
      this.parts.set(name, part);
      await part.write(header, 0);
    }
  }

  async add(item: ReportItem): Promise<void> {
    this.counts[item.state] += 1;
    this.counts.total += 1;
    this.costUsd += item.costUsd ?? 0;
    const good = item.state === 'succeeded' || item.state === 'reused';
    await this.write(good ? REPORT_FILE.succeededNdjson : REPORT_FILE.failedNdjson, `${JSON.stringify(item)}\n`);
    await this.write(good ? REPORT_FILE.succeededCsv : REPORT_FILE.failedCsv, this.csv.item(item));
    if (good && item.resultFileId !== null) await this.write(REPORT_FILE.mapping, this.csv.mapping(item));
  }

  async end(): Promise<ReportFile[]> {
    const ended: ReportFile[] = [];
    for (const part of this.parts.values()) ended.push(await part.end());
    return ended;
  }

  async close(): Promise<void> {
    for (const part of this.parts.values()) await part.close().catch(() => {});
  }

  private async write(name: string, text: string): Promise<void> {
    await this.parts.get(name)?.write(text, 1);
  }
}

function manifestOf(batch: ReportedBatch, { counts, costUsd }: Parts, files: ReportFile[]): ReportManifest {
  const { total: _total, createdAt, endedAt, now, ...rest } = batch;
  return {
    schemaVersion: REPORT_SCHEMA_VERSION,
    ...rest,
    complete: batch.state === 'ended',
    counts,
    // Estimates have six decimals; sums are rounded accordingly.
    costUsd: Number(costUsd.toFixed(6)),
    createdAt: createdAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
    writtenAt: now.toISOString(),
    files,
  };
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

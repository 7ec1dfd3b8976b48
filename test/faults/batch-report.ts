import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { REPORT_FILE, type ReportItem, type ReportManifest } from '../../src/contract/report.js';

type CsvRow = Record<string, string>;

/** A report's folder, read without any other source. */
export interface ReadReport {
  manifest: ReportManifest;
  succeeded: ReportItem[];
  failed: ReportItem[];
  succeededCsv: CsvRow[];
  failedCsv: CsvRow[];
  mapping: CsvRow[];
  /** What is wrong with the folder itself. */
  problems: string[];
}

export async function readReport(folder: string): Promise<ReadReport> {
  const text = (name: string) => readFile(join(folder, name), 'utf8');
  const ndjson = async (name: string) => {
    const lines = (await text(name)).split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as ReportItem);
  };
  const csv = async (name: string) => parse(await text(name), { columns: true }) as CsvRow[];
  const manifest = JSON.parse(await text(REPORT_FILE.manifest)) as ReportManifest;
  const report = {
    manifest,
    succeeded: await ndjson(REPORT_FILE.succeededNdjson),
    failed: await ndjson(REPORT_FILE.failedNdjson),
    succeededCsv: await csv(REPORT_FILE.succeededCsv),
    failedCsv: await csv(REPORT_FILE.failedCsv),
    mapping: await csv(REPORT_FILE.mapping),
  };
  const problems: string[] = [];
  const names = [REPORT_FILE.manifest, ...manifest.files.map(({ name }) => name)].sort();
  const there = (await readdir(folder)).sort();
  if (there.join() !== names.join())
    problems.push(`the folder holds ${there.join()}, its manifest names ${names.join()}`);
  const items: Record<string, number> = {
    [REPORT_FILE.succeededNdjson]: report.succeeded.length,
    [REPORT_FILE.succeededCsv]: report.succeededCsv.length,
    [REPORT_FILE.failedNdjson]: report.failed.length,
    [REPORT_FILE.failedCsv]: report.failedCsv.length,
    [REPORT_FILE.mapping]: report.mapping.length,
  };
  for (const file of manifest.files) {
    const bytes = await readFile(join(folder, file.name));
    const told = [file.bytes, file.sha256, file.items].join();
    const real = [bytes.length, createHash('sha256').update(bytes).digest('hex'), items[file.name]].join();
    if (told !== real) problems.push(`${file.name} is ${real}, its manifest says ${told}`);
  }
  return { ...report, problems };
}

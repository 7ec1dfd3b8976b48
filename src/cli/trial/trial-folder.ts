import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../exit.js';
import { type ReviewedErase, reviewPage } from '../review/page.js';
import type { RecordedCall } from './recorder.js';

export interface TrialFolder {
  page: string;
  recording: string;
  writePage(reviewed: readonly ReviewedErase[]): void;
  writeRecording(calls: readonly RecordedCall[]): void;
}

/** Opens an empty folder and tests that both files can be written, before any payment. @throws UsageError */
export function openTrialFolder(folder: string): TrialFolder {
  const page = join(folder, 'side-by-side.html');
  const recording = join(folder, 'recording.ndjson');
  const write = (file: string, text: string) => {
    try {
      writeFileSync(file, text);
    } catch (error) {
      throw cannotWrite(file, error);
    }
  };
  try {
    mkdirSync(folder, { recursive: true });
    if (readdirSync(folder).length > 0) {
      throw new UsageError(`The folder ${folder} is not empty.`, 'Give another folder with --out.');
    }
  } catch (error) {
    throw error instanceof UsageError ? error : cannotWrite(folder, error);
  }
  write(recording, '');
  return {
    page,
    recording,
    writePage: (reviewed) => write(page, reviewPage(reviewed, new Date())),
    writeRecording: (calls) => write(recording, calls.map((call) => `${JSON.stringify(call)}\n`).join('')),
  };
}

function cannotWrite(file: string, error: unknown): UsageError {
  const why = error instanceof Error ? error.message : String(error);
  return new UsageError(`${file} cannot be written: ${why}.`, 'Give another folder with --out.');
}

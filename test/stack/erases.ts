import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BatchSnapshot } from '../../src/contract/batch.js';
import { eventually } from '../support/processes.js';
import { manyMedia, SimulatorAdmin, SUB_APP_ID } from '../support/simulator.js';
import type { NativeImage } from './image.js';
import type { NativeStack } from './native-stack.js';
import { runCommand } from './run-command.js';

/** What happens once this many erases were accepted by the vendor. */
export interface Strike {
  atAccepted: number;
  what: string;
  act: () => Promise<void> | void;
}

export interface BatchReport {
  snapshot: BatchSnapshot;
  /** Files with more than one accepted task: each was paid for twice. */
  paidTwice: string[];
  /** Files that no accepted task belongs to. */
  neverPaid: string[];
  /** Most submits that the vendor saw in any second, refused ones too. */
  mostInASecond: number;
  refused: number;
  seconds: number;
}

export const BATCH_ID = 'stack';
const LOOK_EVERY_MS = 1_000;
/** All of it, outages included; it takes one to three minutes. */
const PATIENCE_MS = 480_000;
const MOST_TOLD = 300;

/** A batch, through whatever happens meanwhile; then the vendor's own list says what was paid for. */
export async function runBatch(
  stack: NativeStack,
  image: NativeImage,
  { count, folder, strikes }: { count: number; folder: string; strikes: readonly Strike[] },
): Promise<BatchReport> {
  const startedAt = Date.now();
  const admin = new SimulatorAdmin(stack.simulatorUrl);
  const media = manyMedia(count);
  await admin.addMedia(media);
  const fileIds = media.map(({ fileId }) => fileId);
  const file = join(folder, 'backlog.csv');
  await writeFile(file, `fileId\n${fileIds.join('\n')}\n`);
  const wanted = [
    '--recipe',
    'subtitles',
    '--sub-app-id',
    String(SUB_APP_ID),
    '--id',
    BATCH_ID,
    '--requested-by',
    'ann',
  ];
  const started = await runCommand(stack, image, ['batch', 'start', file, ...wanted, '--yes', '-o', 'json']);
  if (started.code !== 0) throw new Error(`The batch did not start (${started.code}): ${started.stderr}`);
  const [snapshot] = await Promise.all([ended(stack, image), strike(admin, strikes)]);
  const accepted = await acceptedByFile(admin);
  const submits = (await admin.calls()).filter(({ action }) => action === 'ProcessMediaByMPS');
  return {
    snapshot,
    paidTwice: fileIds.filter((fileId) => (accepted.get(fileId) ?? 0) > 1),
    neverPaid: fileIds.filter((fileId) => !accepted.has(fileId)),
    mostInASecond: mostInASecond(submits.map(({ at }) => at)),
    refused: submits.filter(({ outcome }) => outcome.startsWith('RequestLimitExceeded')).length,
    seconds: Math.round((Date.now() - startedAt) / 1_000),
  };
}

/** By the program's own word; it fails while the database is away, and is asked again. */
async function ended(stack: NativeStack, image: NativeImage): Promise<BatchSnapshot> {
  let last = 'nothing';
  const snapshot = await eventually(
    'the batch to end',
    async () => {
      const { code, stdout, stderr } = await runCommand(stack, image, ['batch', 'status', BATCH_ID, '-o', 'json']);
      last = code === 0 ? stdout : stderr;
      const now = code === 0 ? (JSON.parse(stdout) as BatchSnapshot) : undefined;
      if (now?.state === 'ended') return now;
      await delay(LOOK_EVERY_MS);
      return undefined;
    },
    PATIENCE_MS,
  ).catch((error: Error) => {
    throw new Error(`${error.message}; it said last: ${last.slice(0, MOST_TOLD)}`);
  });
  return snapshot;
}

async function strike(admin: SimulatorAdmin, strikes: readonly Strike[]): Promise<void> {
  for (const { atAccepted, what, act } of strikes) {
    await eventually(
      `${atAccepted} accepted erases, to ${what}`,
      async () => {
        let total = 0;
        for (const accepted of (await acceptedByFile(admin)).values()) total += accepted;
        return total >= atAccepted || undefined;
      },
      PATIENCE_MS,
    );
    await act();
  }
}

async function acceptedByFile(admin: SimulatorAdmin): Promise<Map<string, number>> {
  const accepted = new Map<string, number>();
  for (const { kind, fileId } of await admin.tasks()) {
    if (kind === 'ProcessMediaByMPS') accepted.set(fileId, (accepted.get(fileId) ?? 0) + 1);
  }
  return accepted;
}

function mostInASecond(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  let most = 0;
  let from = 0;
  for (let to = 0; to < sorted.length; to++) {
    while ((sorted[to] ?? 0) - (sorted[from] ?? 0) >= 1_000) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

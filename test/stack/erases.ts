import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { EraseClient } from '../../src/client.js';
import { UnavailableError } from '../../src/errors.js';
import { grpcCode } from '../../src/temporal/service-errors.js';
import { eventually } from '../support/processes.js';
import { manyMedia, SimulatorAdmin, SUB_APP_ID } from '../support/simulator.js';
import type { NativeStack } from './native-stack.js';

/** What happens once this many erases were accepted by the vendor. */
export interface Strike {
  atAccepted: number;
  what: string;
  act: () => Promise<void> | void;
}

export interface ErasesReport {
  erases: number;
  succeeded: number;
  /** Files with more than one accepted task: each was paid for twice. */
  paidTwice: string[];
  /** Files that no accepted task belongs to. */
  neverPaid: string[];
  /** Runs that ended without a result, with the reason. */
  failed: string[];
  /** Most submits that the vendor saw in any second, refused ones too. */
  mostInASecond: number;
  refused: number;
  seconds: number;
}

const STARTS_AT_ONCE = 20;
const RETRY_AFTER_MS = 500;
/** All of it, outages included; it takes one to two minutes. */
const PATIENCE_MS = 480_000;

/** Erases that a service starts, through whatever happens meanwhile; then the vendor's own list says what was paid for. */
export async function runErases(stack: NativeStack, count: number, strikes: readonly Strike[]): Promise<ErasesReport> {
  const startedAt = Date.now();
  const admin = new SimulatorAdmin(stack.simulatorUrl);
  const media = manyMedia(count);
  await admin.addMedia(media);
  const connection = await Connection.connect({ address: stack.temporalAddress });
  const client = await EraseClient.connect({ connection });
  const fileIds = media.map(({ fileId }) => fileId);
  try {
    const striking = strike(admin, strikes);
    await inParallel(fileIds, (fileId) =>
      patiently(() => client.start({ fileId, subAppId: SUB_APP_ID, recipe: { name: 'subtitles' }, key: fileId })),
    );
    await striking;
    await eventually(
      'all erases to end',
      async () => {
        const filter = `WorkflowType = 'erase' AND ExecutionStatus = 'Running'`;
        const { count: running } = await patiently(() =>
          connection.workflowService.countWorkflowExecutions({ namespace: 'default', query: filter }),
        );
        if (Number(running) === 0) return true;
        await delay(RETRY_AFTER_MS);
        return undefined;
      },
      PATIENCE_MS,
    );
    const failed: string[] = [];
    await inParallel(fileIds, async (fileId) => {
      const handle = client.getHandle({ key: fileId });
      await patiently(() => handle.result({ wait: false })).catch((error: Error) =>
        failed.push(`${fileId}: ${error.message}`),
      );
    });
    const accepted = await acceptedByFile(admin);
    const calls = (await admin.calls()).filter(({ action }) => action === 'ProcessMediaByMPS');
    return {
      erases: count,
      succeeded: count - failed.length,
      paidTwice: fileIds.filter((fileId) => (accepted.get(fileId) ?? 0) > 1),
      neverPaid: fileIds.filter((fileId) => !accepted.has(fileId)),
      failed,
      mostInASecond: mostInASecond(calls.map(({ at }) => at)),
      refused: calls.filter(({ outcome }) => outcome.startsWith('RequestLimitExceeded')).length,
      seconds: Math.round((Date.now() - startedAt) / 1_000),
    };
  } finally {
    await connection.close();
  }
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

/** While the server is away, a caller tries again; the same key gives the same run. */
async function patiently<T>(call: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const away = error instanceof UnavailableError || grpcCode(error) !== undefined;
      if (!away || Date.now() > deadline) throw error;
      await delay(RETRY_AFTER_MS);
    }
  }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, lane));
}

function mostInASecond(times: readonly (number | string)[]): number {
  const sorted = times.map((at) => new Date(at).getTime()).toSorted((a, b) => a - b);
  let most = 0;
  let from = 0;
  for (let to = 0; to < sorted.length; to++) {
    while ((sorted[to] ?? 0) - (sorted[from] ?? 0) >= 1_000) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

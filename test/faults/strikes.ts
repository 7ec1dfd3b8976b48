import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowNotFoundError } from '@temporalio/client';
import { eventually } from '../support/processes.js';
import { type House, signal } from './house.js';
import type { Strike } from './matrix.js';
import { withPatience } from './patience.js';
import type { TrackedErase } from './tracked-erase.js';

const LEDGER_DOWN_MS = 6_000;
/** Longer than a statement may take, so that the workers give up on what is still on its way. */
const LEDGER_STALL_MS = 15_000;
const SERVER_DOWN_MS = 2_000;
/** The server notices a silent worker after 30 s; then another one reconciles, and waits for the settle time. */
const FREEZE_AT_MOST_MS = 90_000;

/**
 * Does it, and gives what undoes it: between the two, calls that were held back are let go. The ledger's proxy may be
 * frozen when the strike comes, since that is how an answer is kept from being written; the strike ends that.
 */
export async function strike(
  house: House,
  what: Strike,
  erases: readonly TrackedErase[],
  { thaw = true } = {},
): Promise<() => Promise<void>> {
  house.note(`strike: ${what}`);
  house.faults += what === 'cancel' || what === 'reset' || what === 'restart' ? erases.length : 1;
  for (const erase of erases) erase.deed(`strike: ${what}`);
  const { database } = house;
  switch (what) {
    case 'worker-kill': {
      for (const worker of house.living()) signal(worker, 'SIGKILL');
      database.thaw();
      return async () => void (await house.startWorker());
    }
    case 'worker-stop': {
      const workers = house.living();
      for (const worker of workers) signal(worker, 'SIGTERM');
      database.thaw();
      return async () => {
        const ends = await Promise.all(workers.map((worker) => worker.ended));
        for (const { code } of ends) if (code !== 0) house.problems.push(`A worker told to stop exited with ${code}.`);
        await house.startWorker();
      };
    }
    case 'worker-freeze': {
      const frozen = house.living();
      for (const worker of frozen) signal(worker, 'SIGSTOP');
      database.thaw();
      return async () => {
        await house.startWorker();
        await untilTakenOver(erases);
        house.note('SIGCONT');
        for (const worker of frozen) signal(worker, 'SIGCONT');
      };
    }
    case 'temporal-kill':
      await house.temporalServer.kill();
      database.thaw();
      return async () => {
        await sleep(SERVER_DOWN_MS);
        await house.temporalServer.startAgain();
      };
    case 'ledger-cut':
      database.cut();
      database.thaw();
      return async () => undefined;
    case 'ledger-down':
      database.refuse(true);
      database.cut();
      database.thaw();
      return async () => {
        await sleep(LEDGER_DOWN_MS);
        database.refuse(false);
      };
    case 'ledger-silent':
      database.silence();
      database.thaw();
      return async () => undefined;
    case 'ledger-stall':
      database.freeze();
      return async () => {
        await sleep(LEDGER_STALL_MS);
        database.thaw();
      };
    case 'cancel':
      await Promise.all(
        erases.map(({ workflowId }) =>
          withPatience(() => house.client.getHandle(workflowId).cancel('the fault suite')),
        ),
      );
      if (thaw) database.thaw();
      return async () => undefined;
    case 'reset':
      await Promise.all(erases.map((erase) => withPatience(() => erase.reset())));
      if (thaw) database.thaw();
      return async () => undefined;
    case 'restart':
      await Promise.all(erases.map(restart));
      if (thaw) database.thaw();
      return async () => undefined;
  }
}

async function restart(erase: TrackedErase): Promise<void> {
  try {
    await withPatience(() => erase.terminate(), WorkflowNotFoundError);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    // It has ended.
    return await erase.start({ ...erase.request, key: `again-${erase.request.fileId}` });
  }
  await erase.start();
}

/** Until every erase that does not wait for a person has ended with the second worker. */
async function untilTakenOver(erases: readonly TrackedErase[]): Promise<void> {
  const waiting = new Set(erases);
  await eventually(
    'the second worker to take over',
    async () => {
      for (const erase of waiting) {
        const { status } = await erase.run.describe();
        if (status.name !== 'RUNNING' || (await erase.phase()) === 'held') waiting.delete(erase);
      }
      return waiting.size === 0 || undefined;
    },
    FREEZE_AT_MOST_MS,
  ).catch(() => undefined);
}

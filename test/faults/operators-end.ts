import { setTimeout as sleep } from 'node:timers/promises';
import { openRuns, type Soaked } from './soaked.js';
import { TrackedErase } from './tracked-erase.js';

/** Rounds of settling, of batches that go on one after the other, and a busy machine. */
const END_WITHIN_MS = 300_000;
const ROUND_MS = 1_500;
/** All are read at once, and a busy server refuses some. */
const LOOK_WITHIN_MS = 30_000;
const WHO = ['--by', 'operator', '--reason', 'the end of the soak'];
/** On any error, the next round reads again. */
const ANY = [0, 2, 3, 5, 6, 7, 8, 9, 10];

/**
 * What operators do until nothing is left: the vendor lists and ends everything; batches are let go on, what is held is resumed,
 * what is in review is approved; and who asks once more for each file whose task nobody has read reads it.
 */
export async function bringToTheEnd(soaked: Soaked): Promise<void> {
  const { stage, files } = soaked;
  const { house } = stage;
  const { admin } = house.simulator;
  await admin.clearFaults();
  await Promise.all(files.map(({ fileId, subAppId }) => admin.release(fileId, subAppId)));
  const deadlineMs = performance.now() + END_WITHIN_MS;
  await untilNothingIsOpen(soaked, deadlineMs);
  await readWhatNobodyRead(soaked);
  await untilNothingIsOpen(soaked, deadlineMs);
  await Promise.all(soaked.erases.map((erase) => erase.waitForEnd(performance.now() + LOOK_WITHIN_MS)));
}

async function untilNothingIsOpen(soaked: Soaked, deadlineMs: number): Promise<void> {
  const { house } = soaked.stage;
  while (performance.now() < deadlineMs) {
    const { rows: batches } = await house.sql.query<OpenBatch>(
      "select id, state, waiting_for from batch where state <> 'ended' order by created_at",
    );
    if (batches.length === 0 && (await openRuns(house)).length === 0) return;
    await letGoOn(soaked, batches);
    await sleep(ROUND_MS);
  }
}

interface OpenBatch {
  id: string;
  state: string;
  waiting_for: string | null;
}

async function letGoOn({ stage, problems }: Soaked, batches: readonly OpenBatch[]): Promise<void> {
  const { house } = stage;
  const run = async (...args: string[]) => {
    try {
      await stage.command([...args, ...WHO], ANY);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  };
  for (const { id, state, waiting_for } of batches) {
    if (state === 'paused' || state === 'draining') await run('batch', 'resume', id);
    if (waiting_for === 'budget' || waiting_for === 'cap') await run('batch', 'set', id, '--max-cost', '10');
    if (waiting_for === 'sample') await run('batch', 'go', id);
  }
  const { rows: holds } = await house.sql.query<{ workflow_id: string; error_class: string; batch_id: string | null }>(
    'select workflow_id, error_class, batch_id from hold where ended_at is null order by id',
  );
  for (const batchId of new Set(holds.filter((h) => h.error_class === 'cap').map((h) => h.batch_id))) {
    if (batchId !== null) await run('batch', 'set', batchId, '--max-cost', '10');
  }
  if (holds.some(({ error_class }) => error_class !== 'uncertain')) await run('resume', '--all');
  // Its task is listed by now: it is found, and nothing is paid again.
  for (const { workflow_id, error_class } of holds) if (error_class === 'uncertain') await run('resume', workflow_id);
  const { rows: reviews } = await house.sql.query<{ workflow_id: string }>(
    "select workflow_id from run_phase where phase = 'review'",
  );
  if (reviews.length > 0) await run('review', 'approve', ...reviews.map(({ workflow_id }) => workflow_id));
}

/** A task whose run was cancelled or terminated is read by the next who asks. */
async function readWhatNobodyRead({ stage, erases }: Soaked): Promise<void> {
  const { house } = stage;
  const { rows } = await house.sql.query<{ file_id: string; sub_app_id: string; recipe: { name: string } }>(
    `select distinct file_id, sub_app_id, recipe from submission join erase on erase.id = erase_id
     where pay_token = '' and (state = 'sending' or (state = 'accepted' and outcome is null))`,
  );
  for (const [at, { file_id, sub_app_id, recipe }] of rows.entries()) {
    const request = {
      fileId: file_id,
      subAppId: Number(sub_app_id),
      recipe,
      key: `soak-last-${at}`,
      neverPay: true as const,
    };
    const erase = new TrackedErase(house, 'operators', request, 'truth');
    erases.push(erase);
    await erase.start();
  }
}

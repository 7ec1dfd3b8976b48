import { EXIT } from '../../src/contract/error-classes.js';
import { CrossedErase, type MustAnswer } from './crossed-erase.js';
import { deleteResult } from './crossings-events.js';
import type { BatchEnd, MustItem, Step } from './crossings-matrix.js';
import type { CrossingScene } from './crossings-scene.js';

/** One ask, from its start to its end. */
const ASK_WITHIN_MS = 90_000;
const OPERATOR = ['--by', 'operator', '--reason', 'the fault suite'];
/** For one file, and not for two. */
const FOR_ONE_USD = '0.04';

/** What people, the vendor and callers do after the event, one step after the other. */
export async function goOn(scene: CrossingScene): Promise<void> {
  for (const step of scene.cell.steps ?? []) {
    scene.target.deed(`step: ${typeof step === 'string' ? step : JSON.stringify(step)}`);
    await take(scene, step);
  }
}

async function take(scene: CrossingScene, step: Step): Promise<void> {
  if (typeof step === 'string') return await STEPS[step](scene);
  if ('ask' in step) return await ask(scene, step.ask, step.gives);
  if ('redrive' in step) return await redrive(scene, step);
  if ('includePaid' in step) return await includePaid(scene, step.includePaid);
  if ('maxCost' in step) return await setBudget(scene, step.maxCost);
  const files = new Set([scene.fileId, ...scene.otherFiles]);
  const accepted = (await scene.house.simulator.admin.tasks()).filter(({ fileId }) => files.has(fileId));
  if (accepted.length === step.tasksSoFar) return;
  scene.problems.push(`${accepted.length} tasks were accepted by then, not ${step.tasksSoFar}`);
}

const STEPS: Record<Extract<Step, string>, (scene: CrossingScene) => Promise<void>> = {
  'name the task': async (scene) => {
    await scene.phase('held');
    await scene.letGo();
    const { house, fileId, target } = scene;
    const task = (await house.simulator.admin.tasks()).find((each) => each.fileId === fileId);
    if (task === undefined) throw new Error(`${scene.name}: there is no task to name.`);
    // Once it is listed, the run may find it by itself before the operator has said so: then it is not held any more.
    await scene.stage.command(['resume', target.workflowId, '--task', task.taskId, ...OPERATOR], [EXIT.ok, EXIT.usage]);
  },
  'resume by id': async ({ stage, target }) => {
    await stage.command(['resume', target.workflowId, ...OPERATOR]);
  },
  approve: async (scene) => {
    await scene.phase('review');
    await scene.stage.command(['review', 'approve', scene.target.workflowId, ...OPERATOR]);
  },
  'open publishing': async ({ house, fileId }) => house.gate.open(fileId),
  'let go': (scene) => scene.letGo(),
  'start again': ({ target }) => target.start(),
  'run ends': async (scene) => {
    await scene.until('its end', async () => (await scene.target.run.describe()).status.name !== 'RUNNING');
  },
  'batch ends': async (scene) => await scene.batchEnds(last(scene).id),
  reset: ({ target }) => target.reset(),
  'delete the result': deleteResult,
  'stands for its budget': async (scene) => {
    await scene.until('the wait for its budget', () => standsForBudget(scene, last(scene).id));
  },
};

function last({ batches, name }: CrossingScene) {
  const batch = batches.at(-1);
  if (batch === undefined) throw new Error(`${name} has no batch.`);
  return batch;
}

/** Nothing of it is under way, and a budget is what it waits for. */
async function standsForBudget({ house }: CrossingScene, batchId: string): Promise<boolean> {
  const { rows } = await house.sql.query<{ running: number; waits: boolean }>(
    `select (select count(*)::integer from batch_item where batch_id = batch.id and batch_item.state = 'running') as running,
       waiting_for in ('budget', 'cap') or exists (select from hold
         where batch_id = batch.id and hold.ended_at is null and error_class = 'cap') as waits
     from batch where id = $1`,
    [batchId],
  );
  return rows[0]?.running === 0 && rows[0].waits;
}

async function ask(scene: CrossingScene, how: 'plain' | 'pay again', gives: MustAnswer): Promise<void> {
  const { house, name, id, target } = scene;
  const { fileId, subAppId, recipe } = target.request;
  const key = `${id}-ask-${scene.erases.length}`;
  const again = how === 'plain' ? {} : { payAgain: { token: key, reason: 'the fault suite' } };
  const erase = scene.add(new CrossedErase(house, name, { fileId, subAppId, recipe, key, ...again }, gives));
  await erase.start();
  await erase.waitForEnd(performance.now() + ASK_WITHIN_MS);
}

async function redrive(
  scene: CrossingScene,
  {
    redrive,
    gives,
    ends = 'completed',
  }: { redrive: { payAgain?: true; maxCost?: number }; gives: MustItem | null; ends?: BatchEnd },
): Promise<void> {
  const from = last(scene).id;
  const newId = `${from}-r${scene.batches.length}`;
  const most = ['--max-cost', String(redrive.maxCost ?? FOR_ONE_USD)];
  const again = redrive.payAgain === true ? ['--pay-again'] : [];
  const codes = [gives === null ? EXIT.nothingToDo : EXIT.ok];
  await scene.stage.command(['batch', 'redrive', from, '--id', newId, ...most, ...again, '--yes', ...OPERATOR], codes);
  if (gives === null) return;
  scene.batches.push(scene.newBatch(newId, gives, { ends }));
  await scene.batchEnds(newId);
}

/** Under a key, so that it is a run of its own, which has to find out what became of the result. */
async function includePaid(scene: CrossingScene, gives: MustItem): Promise<void> {
  const id = `${scene.id}-paid`;
  const request = { ...scene.target.request, key: id };
  await scene.startBatch([request], scene.newBatch(id, gives), '--include-paid', '--max-cost', FOR_ONE_USD);
  await scene.batchEnds(id);
}

async function setBudget(scene: CrossingScene, usd: number): Promise<void> {
  const { id } = last(scene);
  await scene.stage.command(['batch', 'set', id, '--max-cost', String(usd), ...OPERATOR]);
  // What a budget holds is let go on as what a cap holds.
  await scene.stage.command(['resume', '--batch', id, ...OPERATOR], [EXIT.ok, EXIT.capReached]);
}

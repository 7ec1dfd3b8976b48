import { ACTIVITY_ID, QUEUE, WORKFLOW } from '../../src/contract/names.js';
import type { Event } from './crossings-matrix.js';
import type { CrossingScene } from './crossings-scene.js';
import { withPatience } from './patience.js';

const BY_OPERATOR = ['--by', 'operator', '--reason', 'the fault suite'];

/** Does to a cell what its event is. Other settings come to all cells of a group at once, before this. */
export async function happen(scene: CrossingScene): Promise<void> {
  const { house, cell } = scene;
  house.faults += 1;
  scene.target.deed(`event: ${scene.name}`);
  await HAPPEN[cell.event](scene);
}

const HAPPEN: Record<Event, (scene: CrossingScene) => Promise<void>> = {
  reset: ({ target }) => withPatience(() => target.reset()),
  terminate: ({ target }) => target.terminate(),
  'terminate-and-start': startOver,
  cancel,
  'pause-activity': pauseActivity,
  'delete-result': async (scene) => {
    // In the other states it is not there yet: a later step deletes it.
    if (scene.cell.state === 'review' || scene.cell.state === 'publishing') await deleteResult(scene);
  },
  'delete-source': async ({ house, fileId, subAppId }) => {
    await house.simulator.admin.removeMedia(fileId, subAppId);
  },
  settings: async (scene) => {
    if (scene.cell.change !== 'expiry') return;
    const expiresMs = Date.parse(scene.expireTime);
    await scene.until('the expiry', async () => Date.now() > expiresMs);
  },
};

/** As `temporal workflow start --id-conflict-policy TerminateExisting`, by a client other than ours. */
async function startOver({ house, target }: CrossingScene): Promise<void> {
  const { events } = await target.run.fetchHistory();
  const payload = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
  if (!payload) throw new Error(`The input of ${target.workflowId} cannot be read.`);
  await house.temporal.workflow.start(WORKFLOW.erase, {
    workflowId: target.workflowId,
    taskQueue: QUEUE.main,
    args: [JSON.parse(Buffer.from(payload).toString('utf8'))],
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
  });
  target.deed('started again by a foreign client, which terminated it');
}

async function cancel({ stage, cell, id, target, erases }: CrossingScene): Promise<void> {
  switch (cell.as) {
    case 'with its batch':
    case 'the batch that paid':
      await stage.command(['batch', 'cancel', id, ...BY_OPERATOR]);
      return;
    case 'the one that joined':
      await stage.command(['cancel', erases[1]?.workflowId ?? '', ...BY_OPERATOR]);
      return;
    default:
      await stage.command(['cancel', target.workflowId, ...BY_OPERATOR]);
  }
}

/** As an operator does in the Temporal UI. */
async function pauseActivity(scene: CrossingScene): Promise<void> {
  const { house, target, cell, erases } = scene;
  if (cell.state !== 'uncertain') await pauseIt(scene);
  if (cell.state === 'joined') {
    // Who waits for the same task does not wait for the pause.
    await scene.letGo();
    await scene.until('the end of the other', async () => {
      const { status } = await (erases[1] ?? target).run.describe();
      return status.name !== 'RUNNING';
    });
  }
  if (cell.state === 'publishing') house.gate.open(scene.fileId);
  try {
    const which = await activityOf(scene);
    await house.temporal.workflowService.resetActivity({ ...which, keepPaused: true });
    await house.temporal.workflowService.unpauseActivity(which);
    target.deed('it was reset, and goes on');
  } catch (error) {
    // A wait is ended from outside, paused or not.
    if (cell.state !== 'joined') throw error;
    target.deed(`it was over before: ${String(error)}`);
  }
}

/** Of a submit that reconciles, at once: reconciling is short. */
export async function pauseIt(scene: CrossingScene): Promise<void> {
  const { house, target } = scene;
  const which = await activityOf(scene);
  await house.temporal.workflowService.pauseActivity({ ...which, reason: 'the fault suite' });
  await scene.until('the pause', async () => {
    const { raw } = await target.run.describe();
    return raw.pendingActivities?.some(({ activityId, paused }) => activityId === which.id && paused === true) === true;
  });
  target.deed(`the activity ${which.id} was paused`);
}

async function activityOf({ house, target, cell: { state } }: CrossingScene) {
  const others = { uncertain: ACTIVITY_ID.submit, publishing: ACTIVITY_ID.publish };
  const id = state === 'uncertain' || state === 'publishing' ? others[state] : ACTIVITY_ID.awaitTask;
  const { runId } = await target.run.describe();
  const execution = { workflowId: target.workflowId, runId };
  return { namespace: house.namespace, execution, identity: 'operator', id };
}

export async function deleteResult({ house, fileId, subAppId }: CrossingScene): Promise<void> {
  const task = (await house.simulator.admin.tasks()).find(
    (each) => each.fileId === fileId && each.resultFileId !== null,
  );
  if (!task?.resultFileId) throw new Error(`The file ${fileId} has no result to delete.`);
  await house.simulator.admin.removeMedia(task.resultFileId, subAppId);
}

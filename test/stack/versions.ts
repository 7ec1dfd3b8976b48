import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import type { Reaper } from '../../src/local/stack/reaper.js';
import { eventually } from '../support/processes.js';
import { manyMedia, SimulatorAdmin, SUB_APP_ID } from '../support/simulator.js';
import type { Claims } from './claims.js';
import type { NativeImage } from './image.js';
import { NativeContainer } from './native-container.js';
import type { NativeStack } from './native-stack.js';
import { runCommand } from './run-command.js';

const DEPLOYMENT = 'smart-erase';
const FIRST_FILE_ID = 5286000000000000000n;
const READY_MS = 60_000;
const NAMESPACE = 'default';
const BATCH_ID = 'versions';
/** In temporal.api.enums.v1.VersioningBehavior. */
const AUTO_UPGRADE = 2;
/** In temporal.api.enums.v1.WorkerDeploymentVersionStatus. */
const STATUS = { current: 2, draining: 4 } as const;

/**
 * Two builds on the real server, rolled out and rolled back: an erase ends on the build that began it, new ones and what lives on
 * and on (a batch's feeder, the watch) go to the current one, and the build that is left is kept until it is drained.
 */
export async function checkVersions(
  stack: NativeStack,
  image: NativeImage,
  { folder, temporalCli, reaper, claims }: { folder: string; temporalCli: string; reaper: Reaper; claims: Claims },
): Promise<void> {
  const media = manyMedia(5, FIRST_FILE_ID);
  const [oldFile = '', newFile = '', backFile = '', ...batchFiles] = media.map(({ fileId }) => fileId);
  await new SimulatorAdmin(stack.simulatorUrl).addMedia(media);
  const deployment = async (...args: string[]) => {
    const all = ['worker', 'deployment', ...args, '--address', stack.temporalAddress];
    return (await promisify(execFile)(temporalCli, all)).stdout;
  };
  const start = (fileId: string, key: string, ...more: string[]) =>
    runCommand(stack, image, [
      'start',
      fileId,
      '--recipe',
      'subtitles',
      '--sub-app-id',
      String(SUB_APP_ID),
      '--key',
      key,
      '--requested-by',
      'ann',
      ...more,
    ]);
  const connection = await Connection.connect({ address: stack.temporalAddress });
  const { workflow } = new Client({ connection });
  const versionOf = async (workflowId: string) => {
    const { raw } = await workflow.getHandle(workflowId).describe();
    const info = raw.workflowExecutionInfo?.versioningInfo;
    return { build: info?.deploymentVersion?.buildId ?? null, behavior: info?.behavior ?? null };
  };
  const statusOf = async (buildId: string) => {
    const { workerDeploymentVersionInfo } = await connection.workflowService.describeWorkerDeploymentVersion({
      namespace: NAMESPACE,
      deploymentVersion: { deploymentName: DEPLOYMENT, buildId },
    });
    return workerDeploymentVersionInfo?.status ?? null;
  };
  /** The server tells a version by and by that it is current no more. */
  const becomes = async (buildId: string, status: keyof typeof STATUS) => {
    let last: number | null = null;
    const look = async () => {
      last = await statusOf(buildId);
      return last === STATUS[status] || undefined;
    };
    const seen = await eventually(`build ${buildId} to be ${status}`, look, READY_MS).catch(() => false);
    claims.hold(`build ${buildId} is ${status}`, seen === true, seen === true ? [] : { status: last });
  };
  /** What lives on and on moves at its next task; a word to the batch is one. */
  const feederMoves = async (action: 'pause' | 'resume', buildId: string) => {
    const told = await runCommand(stack, image, ['batch', action, BATCH_ID, '--reason', 'a test', '--by', 'stack']);
    let last: Awaited<ReturnType<typeof versionOf>> | undefined;
    const look = async () => {
      last = await versionOf(`batch/${BATCH_ID}`);
      return last.build === buildId || undefined;
    };
    const moved = await eventually(`the feeder to be on build ${buildId}`, look, READY_MS).catch(() => false);
    const well = told.code === 0 && moved === true && last?.behavior === AUTO_UPGRADE;
    claims.hold(`a batch's feeder moves to build ${buildId}`, well, well ? [] : { last, told: told.stderr });
  };
  const workers: NativeContainer[] = [];
  const makeCurrent = (buildId: string) =>
    deployment('set-current-version', '--deployment-name', DEPLOYMENT, '--build-id', buildId, '--yes');
  const roll = async (buildId: string, port: number) => {
    const { spec } = stack.container(`worker-${port}`);
    workers.push(NativeContainer.start({ ...spec, env: { ...spec.env, SMART_ERASE_BUILD_ID: buildId } }, reaper));
    // The server knows a version once a worker of it has asked for work on each queue.
    await eventually(
      `build ${buildId} to be current`,
      () =>
        makeCurrent(buildId).then(
          () => true,
          () => undefined,
        ),
      READY_MS,
    );
  };
  try {
    // What began before there were versions is pinned by the first versioned worker that takes it: docs/upgrade.md.
    await workflow
      .getHandle(`watch/${SUB_APP_ID}`)
      .terminate('began without versions')
      .catch(() => undefined);
    await roll('one', 1);
    const first = await start(oldFile, 'versions-old', '--review', '{"timeoutHours": 1}');
    const inReview = async () => {
      const { stdout } = await runCommand(stack, image, ['status', 'erase/key/versions-old', '-o', 'json']);
      return /"phase":\s*"review"/.test(stdout) || undefined;
    };
    await eventually('the erase of the old build to wait for its review', inReview, READY_MS).catch((error: Error) => {
      throw new Error(`${error.message}: ${first.stderr} ${workers[0]?.lastLines()}`);
    });
    // After its sample of one it waits for a word, so it lives through all that follows.
    const backlog = join(folder, 'versions.csv');
    await writeFile(backlog, `fileId\n${batchFiles.join('\n')}\n`);
    const wanted = ['--recipe', 'subtitles', '--sub-app-id', String(SUB_APP_ID), '--id', BATCH_ID, '--sample', '1'];
    const batch = await runCommand(stack, image, ['batch', 'start', backlog, ...wanted, '--yes', '-o', 'json']);
    if (batch.code !== 0) throw new Error(`The batch did not start (${batch.code}): ${batch.stderr}`);
    await eventually('the feeder to be on build one', async () => {
      const { build } = await versionOf(`batch/${BATCH_ID}`);
      return build === 'one' || undefined;
    });
    await roll('two', 2);
    // An erase of it is under way: it may not go yet.
    await becomes('one', 'draining');
    await becomes('two', 'current');
    await feederMoves('pause', 'two');
    const second = await start(newFile, 'versions-new', '--wait', '-o', 'json');
    claims.hold(
      'an erase that begins after the roll-out has its result',
      second.code === 0,
      second.code === 0 ? [] : second.stderr,
    );
    const approved = await runCommand(stack, image, [
      'review',
      'approve',
      'erase/key/versions-old',
      '--reason',
      'fine',
      '--by',
      'stack',
    ]);
    const { status } = (await workflow.getHandle('erase/key/versions-old').result()) as { status: string };
    claims.hold('one that began before it ends too', approved.code === 0 && status === 'succeeded');
    const [old, current] = [await versionOf('erase/key/versions-old'), await versionOf('erase/key/versions-new')];
    claims.hold(
      'it ended on the build that began it; the other on the current build',
      old.build === 'one' && current.build === 'two',
      {
        old,
        current,
      },
    );
    const watch = await versionOf(`watch/${SUB_APP_ID}`);
    // At its next task: a round of the watch takes minutes, so the build itself is not waited for.
    claims.hold('the completion watch is to move on by itself', watch.behavior === AUTO_UPGRADE, watch);

    // Back: build one still runs, so this is all (docs/upgrade.md).
    await makeCurrent('one');
    const third = await start(backFile, 'versions-back', '--wait', '-o', 'json');
    const back = await versionOf('erase/key/versions-back');
    const well = third.code === 0 && back.build === 'one';
    claims.hold('an erase that begins after the roll-back runs on build one', well, well ? [] : [back, third.stderr]);
    await feederMoves('resume', 'one');
    await becomes('one', 'current');
    await becomes('two', 'draining');
  } finally {
    await workflow
      .getHandle(`batch/${BATCH_ID}`)
      .terminate('tried enough')
      .catch(() => undefined);
    for (const worker of workers) await worker.stop();
    // Unversioned workers again, for what comes next.
    await deployment('set-current-version', '--deployment-name', DEPLOYMENT, '--unversioned', '--yes').catch(() => '');
    await connection.close();
  }
}

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import type { Reaper } from '../../src/cli/dev/reaper.js';
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
/** In temporal.api.enums.v1.VersioningBehavior. */
const AUTO_UPGRADE = 2;

/** Two builds on the real server: an erase ends on the build that began it, new ones and the watch go to the current one. */
export async function checkVersions(
  stack: NativeStack,
  image: NativeImage,
  { binFolder, reaper, claims }: { binFolder: string; reaper: Reaper; claims: Claims },
): Promise<void> {
  const [oldFile = '', newFile = ''] = manyMedia(2, FIRST_FILE_ID).map(({ fileId }) => fileId);
  await new SimulatorAdmin(stack.simulatorUrl).addMedia(manyMedia(2, FIRST_FILE_ID));
  const deployment = async (...args: string[]) => {
    const all = ['worker', 'deployment', ...args, '--address', stack.temporalAddress];
    return (await promisify(execFile)(join(binFolder, 'temporal'), all)).stdout;
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
      ...more,
    ]);
  const connection = await Connection.connect({ address: stack.temporalAddress });
  const { workflow } = new Client({ connection });
  const versionOf = async (workflowId: string) => {
    const { raw } = await workflow.getHandle(workflowId).describe();
    const info = raw.workflowExecutionInfo?.versioningInfo;
    return { build: info?.deploymentVersion?.buildId ?? null, behavior: info?.behavior ?? null };
  };
  const workers: NativeContainer[] = [];
  const roll = async (buildId: string, port: number) => {
    const { spec } = stack.container(`worker-${port}`);
    workers.push(NativeContainer.start({ ...spec, env: { ...spec.env, SMART_ERASE_BUILD_ID: buildId } }, reaper));
    // The server knows a version once a worker of it has asked for work on each queue.
    await eventually(
      `build ${buildId} to be current`,
      () =>
        deployment('set-current-version', '--deployment-name', DEPLOYMENT, '--build-id', buildId, '--yes').then(
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
    await roll('two', 2);
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
  } finally {
    for (const worker of workers) await worker.stop();
    // Unversioned workers again, for what comes next.
    await deployment('set-current-version', '--deployment-name', DEPLOYMENT, '--unversioned', '--yes').catch(() => '');
    await connection.close();
  }
}

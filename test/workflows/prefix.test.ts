import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFeeder } from '../../src/client/batch.js';
import { batchWorkflowId } from '../../src/contract/batch.js';
import { newBatch } from '../support/batches.js';
import { runCli } from '../support/cli.js';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';
import { createTestNamespace } from '../support/temporal.js';

/** Two installations in one namespace, each with a ledger and a vendor of its own. */
let plain: EraseStack;
let media: EraseStack;
let namespace: string;

const ATTRIBUTES = ['EraseTaskId', 'ErasePhase', 'mediaEraseTaskId', 'mediaErasePhase', 'mediaEraseBatchId'];

beforeAll(async () => {
  namespace = await createTestNamespace('two', ATTRIBUTES);
  const shared = { SMART_ERASE_WATCH: 'on' };
  plain = await EraseStack.start({ namespace, env: shared });
  media = await EraseStack.start({ namespace, env: { ...shared, SMART_ERASE_PREFIX: 'media' } });
  await Promise.all([plain.startWorker(), media.startWorker()]);
});
afterAll(async () => {
  await Promise.all([plain?.stop(), media?.stop()]);
});

async function attributesOf(stack: EraseStack, workflowId: string) {
  const { searchAttributes, taskQueue, status } = await stack.temporal.workflow.getHandle(workflowId).describe();
  return { searchAttributes, taskQueue, status: status.name };
}

/** The queues that the activities of a run were put on. */
async function activityQueues(workflowId: string): Promise<string[]> {
  const { events } = await media.temporal.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes?.taskQueue?.name ?? []);
}

describe('two installations in one namespace', () => {
  it('run the same erase, each on its own queues, by its own id, for its own ledger', async () => {
    const ours = await plain.request();
    const theirs = await media.request({ fileId: ours.fileId });
    const [one, two] = [await plain.client.start(ours), await media.client.start(theirs)];
    expect(two.workflowId).toBe(`media/${one.workflowId}`);
    expect(await one.result()).toMatchObject({ reused: false });
    expect(await two.result()).toMatchObject({ reused: false });
    expect(await plain.outcomes('ProcessMediaByMPS', ours.fileId)).toHaveLength(1);
    expect(await media.outcomes('ProcessMediaByMPS', ours.fileId)).toHaveLength(1);

    expect(await attributesOf(plain, one.workflowId)).toMatchObject({
      taskQueue: 'smart-erase',
      searchAttributes: { ErasePhase: ['succeeded'], EraseTaskId: [expect.any(String)] },
    });
    const { searchAttributes, taskQueue } = await attributesOf(media, two.workflowId);
    expect(taskQueue).toBe('media-smart-erase');
    expect(searchAttributes).toMatchObject({ mediaErasePhase: ['succeeded'], mediaEraseTaskId: [expect.any(String)] });
    expect(searchAttributes).not.toHaveProperty('ErasePhase');
    expect(await two.status()).toMatchObject({ phase: 'succeeded', taskId: expect.any(String) });
    const queues = await activityQueues(two.workflowId);
    expect(new Set(queues)).toEqual(new Set(['media-smart-erase-submit', 'media-smart-erase']));
  });

  it('list their own erases only, also by phase', async () => {
    const idsOf = async (stack: EraseStack, options = {}) => {
      const ids: string[] = [];
      for await (const { workflowId } of stack.client.list(options)) ids.push(workflowId);
      return ids;
    };
    const listed = await eventually('both in visibility', async () => {
      const [ours, theirs] = await Promise.all([plain, media].map((each) => idsOf(each, { phase: 'succeeded' })));
      return ours?.length && theirs?.length ? { ours, theirs } : undefined;
    });
    expect(listed.ours.filter((id) => !id.startsWith('erase/'))).toEqual([]);
    expect(listed.theirs.filter((id) => !id.startsWith('media/erase/'))).toEqual([]);
  });

  it('each has a watch of its own for the same sub-application', async () => {
    const watches = ['watch/1500000001', 'media/watch/1500000001'];
    const found = await Promise.all(watches.map((id) => attributesOf(plain, id)));
    expect(found.map(({ taskQueue }) => taskQueue)).toEqual(['smart-erase', 'media-smart-erase']);
    for (const stack of [plain, media]) {
      await eventually('a good list', async () => {
        const ms = await stack.ledger.watch.fullScanAgeMs(1500000001);
        return ms !== null ? true : undefined;
      });
    }
  });

  it('take up a key of the same words as another erase', async () => {
    const [one, two] = [await plain.request({ key: 'order-17' }), await media.request({ key: 'order-17' })];
    await plain.client.execute(one);
    await media.client.execute({ ...two, recipe: { name: 'logo' } });
    expect(plain.client.getHandle({ key: 'order-17' }).workflowId).toBe('erase/key/order-17');
    const handle = media.client.getHandle({ key: 'order-17' });
    expect(handle.workflowId).toBe('media/erase/key/order-17');
    expect(await handle.result()).toMatchObject({ recipe: { name: 'logo' } });
  });

  it('a rejection asks for the other recipe under the same prefix', async () => {
    const handle = await media.client.start(await media.request({ review: { timeoutHours: 1 } }));
    await eventually('a review', async () => ((await handle.status()).phase === 'review' ? true : undefined));
    const decision = { by: 'test', reason: 'text left', retryWith: { name: 'logo' } };
    const { retryWorkflowId } = await handle.reject(decision);
    expect(retryWorkflowId).toMatch(/^media\/erase\/1500000001\//);
    // The other one is started before this one ends, and after the answer.
    await expect(handle.result()).rejects.toMatchObject({ class: 'rejected', retryWorkflowId });
    const second = media.client.getHandle(retryWorkflowId ?? '');
    await eventually('its review', async () => ((await second.status()).phase === 'review' ? true : undefined));
    await second.approve({ by: 'test', reason: 'good' });
    expect(await second.result()).toMatchObject({ recipe: { name: 'logo' } });
  });

  it('feed batches of the same id, each its own', async () => {
    const files = await Promise.all([1, 2, 3].map(() => media.request()));
    const list = files.map(({ fileId }) => fileId).join('\n');
    const file = join(tmpdir(), `prefix-${namespace}.csv`);
    await writeFile(file, `fileId\n${list}\n`);
    const env = { ...media.env, VOD_SUB_APP_ID: '1500000001' };
    const { code, stderr } = await runCli(
      ['batch', 'start', file, '--recipe', 'subtitles', '--id', 'spring', '--yes', '--watch'],
      env,
    );
    await rm(file);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    const feeder = batchWorkflowId('spring', 'media');
    expect(feeder).toBe('media/batch/spring');
    expect(await attributesOf(media, feeder)).toMatchObject({ taskQueue: 'media-smart-erase' });
    expect((await media.ledger.batches.find('spring'))?.workflowId).toBe(feeder);
    const items = await media.ledger.batches.items('spring', { limit: 10 });
    expect(items.map(({ workflowId, state }) => [workflowId.startsWith('media/erase/'), state])).toEqual(
      items.map(() => [true, 'succeeded']),
    );
    expect(items).toHaveLength(3);
    expect(await activityQueues(items[0]?.workflowId ?? '')).toContain('media-smart-erase-submit-batch');
  });

  it('a client of one does not reach the workers of the other', async () => {
    const { code, stdout } = await runCli(['doctor', '-o', 'jsonl'], { ...plain.env, SMART_ERASE_PREFIX: 'nobody' });
    const checks = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { name: string; found: string });
    expect(code).toBe(0);
    expect(checks.find(({ name }) => name === 'Workers')?.found).toContain('none has polled nobody-smart-erase');
    expect(checks.find(({ name }) => name === 'Search attributes')?.found).toContain('nobodyEraseTaskId');
  });

  it('a feeder that is asked for again is the one that runs there', async () => {
    await startFeeder('spring', { connection: media.temporal.connection, namespace, prefix: 'media' });
    const description = await media.temporal.workflow.getHandle('media/batch/spring').describe();
    expect(description.taskQueue).toBe('media-smart-erase');
    await expect(plain.temporal.workflow.getHandle('batch/spring').describe()).rejects.toThrow(/not found/i);
  });

  it('workers start the feeders of their own batches only', async () => {
    await media.ledger.batches.create(newBatch('ours', { prefix: 'media' }), []);
    // The newer one comes first in every search for batches without a dispatcher.
    await media.ledger.batches.create(newBatch('of-before', { prefix: 'old' }), []);
    await media.startWorker();
    await eventually('its feeder', () =>
      media.temporal.workflow
        .getHandle('media/batch/ours')
        .describe()
        .then(() => true)
        .catch(() => undefined),
    );
    for (const id of ['media/batch/of-before', 'old/batch/of-before']) {
      await expect(media.temporal.workflow.getHandle(id).describe()).rejects.toThrow(/not found/i);
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECIPES, type RecipeName } from '../../src/contract/recipes.js';
import type { RecipeRequest } from '../../src/contract/request.js';
import { EraseStack } from '../support/erase-stack.js';

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(() => stack.stop());

/** Recipes that cannot be asked for by name alone. */
const NEEDS_MORE: Partial<Record<RecipeName, RecipeRequest>> = {
  raw: {
    name: 'raw',
    params: {
      AiAnalysisTask: {
        Definition: 25,
        ExtendedParameter: '{"delogo":{"CustomerAppId":"subtitle_erase_fast","cluster_id":"gpu_zhiyan"}}',
      },
    },
  },
  'smart-erase-task': { name: 'smart-erase-task', definition: 301 },
};

describe('an erase', () => {
  it.each(Object.keys(RECIPES) as RecipeName[])('of recipe %s ends with what the recipe makes', async (name) => {
    const request = await stack.request({ recipe: NEEDS_MORE[name] ?? { name } });
    const result = await stack.client.execute(request);
    expect(result).toMatchObject({ status: 'succeeded', reused: false, sourceFileId: request.fileId, published: null });
    const { makes } = RECIPES[name];
    if (makes.includes('video')) expect(result.resultFileId).toMatch(/^\d{19}$/);
    else expect(result.resultFileId).toBeNull();
    if (makes.includes('subtitles')) expect(result.files.some((f) => /Subtitle$/.test(f.type) && f.url)).toBe(true);
    expect(result.resultFileId).not.toBe(request.fileId);
    expect(await stack.outcomes('ProcessMediaByMPS', request.fileId)).toEqual(['ok']);
  });

  it('is one submit, one wait and one fetch, in few events', async () => {
    const request = await stack.request();
    const handle = await stack.client.start(request);
    await handle.result();
    const { events } = await stack.temporal.workflow.getHandle(handle.workflowId).fetchHistory();
    const activities = events?.flatMap((e) => e.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
    expect(activities).toEqual(['submitErase', 'awaitTask', 'fetchResult']);
    // The budget of an erase without publish: each event is stored, and each action is billed.
    expect(events?.length).toBeLessThanOrEqual(26);
  });

  it('publishes the new file, inherits from the source, and starts its procedure once', async () => {
    const request = await stack.request({
      media: { classId: 7, tags: ['series', 'season-1'], name: 'Episode 1' },
      publish: {
        description: 'without subtitles',
        inherit: ['name', 'classId', 'tags'],
        procedure: 'LongVideoPreset',
        prefetch: true,
      },
    });
    const handle = await stack.client.start(request);
    const result = await handle.result();
    expect(result.published).toMatchObject({ warnings: [], procedureTaskId: expect.stringMatching(/procedure/i) });
    expect(result.published?.changed.toSorted()).toEqual(['addTags', 'classId', 'description', 'name']);
    expect(result.published?.prefetchedUrls).toHaveLength(1);
    expect(await stack.outcomes('ModifyMediaInfo', result.resultFileId ?? '')).toEqual(['ok']);
    expect(await stack.outcomes('ProcessMediaByProcedure', result.resultFileId ?? '')).toEqual(['ok']);
    const { events } = await stack.temporal.workflow.getHandle(handle.workflowId).fetchHistory();
    expect(events?.length).toBeLessThanOrEqual(32);
  });

  it('publishes although the prefetch fails, and says so', async () => {
    const request = await stack.request({ publish: { name: 'new name', prefetch: true } });
    await stack.admin.addFault({ action: 'PushUrlCache', kind: 'error', code: 'InvalidParameterValue', times: 1 });
    const result = await stack.client.execute(request);
    expect(result.published?.changed).toEqual(['name']);
    expect(result.published?.warnings).toEqual([expect.stringContaining('InvalidParameterValue')]);
  });

  it('takes plain JSON from a client that knows nothing of ours', async () => {
    const request = await stack.request();
    const handle = await stack.temporal.workflow.start('erase', {
      taskQueue: 'smart-erase',
      workflowId: `plain-${request.fileId}`,
      args: [{ fileId: request.fileId, subAppId: 1500000001, recipe: { name: 'logo-basic' } }],
    });
    expect(await handle.result()).toMatchObject({ status: 'succeeded', sourceFileId: request.fileId });
  });

  it('shows itself by search attributes and details', async () => {
    const request = await stack.request({ batchId: 'batch-7' });
    const handle = await stack.client.start(request);
    const { taskId } = await handle.result();
    const description = await stack.temporal.workflow.getHandle(handle.workflowId).describe();
    expect(description.searchAttributes).toMatchObject({
      EraseTaskId: [taskId],
      ErasePhase: ['succeeded'],
      EraseFileId: [request.fileId],
      EraseBatchId: ['batch-7'],
    });
  });
});

describe('a batch’s erase', () => {
  it('waits in the batch’s queue', async () => {
    const request = await stack.request({ batchId: 'batch-8' });
    const handle = await stack.client.start(request);
    await handle.result();
    const { events } = await stack.temporal.workflow.getHandle(handle.workflowId).fetchHistory();
    const queues = events?.flatMap((e) => e.activityTaskScheduledEventAttributes?.taskQueue?.name ?? []);
    expect(queues).toEqual(['smart-erase-submit-batch', 'smart-erase', 'smart-erase']);
  });
});

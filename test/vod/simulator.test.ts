/** The client against the project's own strict VOD API: signatures verified, parameters checked. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { normalizeRecipe } from '../../src/contract/recipe-schema.js';
import { RECIPE_NAMES } from '../../src/contract/recipes.js';
import { DEFAULT_CREDENTIAL, DEFAULT_SUB_APP_ID, type Simulator, startSimulator } from '../../src/simulator/index.js';
import { inputMatches } from '../../src/tencent-vod/input-match.js';
import { toMpsParams } from '../../src/tencent-vod/recipe-params.js';
import type { TaskDetail } from '../../src/tencent-vod/vod-api.js';
import { createVodClient, type VodClient } from '../../src/tencent-vod/vod-client.js';

const FILE = '5285485487985271487';
const subAppId = DEFAULT_SUB_APP_ID;

let simulator: Simulator;
let vod: VodClient;

beforeAll(async () => {
  simulator = await startSimulator({ taskDurationMs: 50 });
  vod = createVodClient({ endpoint: simulator.url, credentials: DEFAULT_CREDENTIAL });
});
afterAll(async () => {
  vod.close();
  await simulator.close();
});

async function finished(taskId: string): Promise<TaskDetail> {
  const until = Date.now() + 20_000;
  for (;;) {
    const task = await vod.describeTask({ subAppId, taskId });
    if (task.status === 'FINISH' || Date.now() > until) {
      return task;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

describe('the simulator', () => {
  const least: Record<string, object> = {
    raw: {
      params: { AiAnalysisTask: { Definition: 25, ExtendedParameter: '{"delogo":{"CustomerAppId":"facial_blur"}}' } },
    },
    'smart-erase-task': {
      rawParameter: { EraseType: 'privacy', ErasePrivacyConfig: { PrivacyModel: 'blur', PrivacyTargets: ['face'] } },
    },
  };

  test.each(RECIPE_NAMES)('runs the recipe %s, and its task is recognised as ours', async (name) => {
    const recipe = normalizeRecipe({ name, ...least[name] });
    const { taskId } = await vod.submit({ subAppId, fileId: FILE, params: toMpsParams(recipe) });
    const task = await finished(taskId);
    expect(task).toMatchObject({ isMps: true, status: 'FINISH', mps: { errCode: '0' } });
    expect(task.mps?.subTasks.map(({ input }) => inputMatches(recipe, input))).toContain('same');
    const listed = await vod.listTasks({ subAppId, fileId: FILE });
    expect(listed.tasks.find((entry) => entry.taskId === taskId)).toMatchObject({ isMps: true, fileId: FILE });
  });

  test('pages through tasks of a stretch of time', async () => {
    const first = await vod.listTasks({
      subAppId,
      status: 'FINISH',
      createdFrom: new Date(Date.now() - 3_600_000).toISOString(),
      sort: { field: 'FinishTime', order: 'Desc' },
      limit: 2,
    });
    expect(first.tasks).toHaveLength(2);
    expect(first.scrollToken).not.toBeNull();
  });

  test('knows media, and says which it does not know', async () => {
    const { media, missing } = await vod.describeMedia({ subAppId, fileIds: [FILE, '1'] });
    expect(media.map(({ fileId }) => fileId)).toEqual([FILE]);
    expect(missing).toEqual(['1']);
    const found = await vod.searchMedia({ subAppId, limit: 1 });
    expect(found.media).toHaveLength(1);
    expect(found.totalCount).toBeGreaterThan(0);
  });

  test('changes media', async () => {
    const change = { name: 'renamed', description: 'd', addTags: ['t1'], expireTime: 'never' };
    await vod.modifyMedia({ subAppId, fileId: FILE, change });
    const { media } = await vod.describeMedia({ subAppId, fileIds: [FILE] });
    expect(media[0]).toMatchObject({ name: 'renamed', description: 'd', expireTime: '9999-12-31T23:59:59Z' });
    expect(media[0]?.tags).toContain('t1');
  });

  test('runs a procedure once for a session id', async () => {
    const call = { subAppId, fileId: FILE, procedure: 'renditions', sessionId: 'session-1' };
    expect((await vod.runProcedure(call)).taskId).not.toBeNull();
    await expect(vod.runProcedure(call)).rejects.toMatchObject({ class: 'duplicate' });
  });

  test('refuses in the classes of the table', async () => {
    const params = toMpsParams({ name: 'subtitles' });
    await expect(vod.submit({ subAppId: 1, fileId: FILE, params })).rejects.toMatchObject({ class: 'account' });
    await expect(vod.submit({ subAppId, fileId: '1', params })).rejects.toMatchObject({ class: 'input' });
    const stranger = createVodClient({
      endpoint: simulator.url,
      credentials: { secretId: 'AKIDx', secretKey: 'yyyy' },
    });
    await expect(stranger.submit({ subAppId, fileId: FILE, params })).rejects.toMatchObject({ class: 'account' });
    stranger.close();
    const unknown = `${subAppId}-ProcessMediaByMPS-unknown`;
    await expect(vod.describeTask({ subAppId, taskId: unknown })).rejects.toMatchObject({
      action: 'DescribeTaskDetail',
    });
  });
});

import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/processes.js';
import {
  manyMedia,
  SAMPLE_FILE_ID,
  type SimulatorProcess,
  SUB_APP_ID,
  startSimulatorProcess,
  submitErase,
  vodClient,
} from '../support/simulator.js';

let folder: string;
let stateFile: string;
const processes: SimulatorProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'simulator-'));
  stateFile = join(folder, 'state.db');
});
afterEach(async () => {
  await Promise.all(processes.splice(0).map((running) => running.kill()));
  await rm(folder, { recursive: true, force: true });
});

async function startProcess(options = {}) {
  const running = await startSimulatorProcess({ stateFile, taskDurationMs: 3_600_000, ...options });
  processes.push(running);
  return running;
}

it('remembers tasks, media, calls and age after it was killed', async () => {
  const first = await startProcess({ maxConcurrentTasks: 1 });
  const client = vodClient(first.url);
  const media = manyMedia(2);
  await first.admin.addMedia(media);
  const ended = await submitErase(client, media[0]?.fileId);
  const processing = await submitErase(client, media[1]?.fileId);
  const waiting = await submitErase(client);
  await client.ManageTask({ TaskId: waiting, OperationType: 'Abort', SubAppId: SUB_APP_ID });
  await first.admin.age(3_600_000);
  await client.ModifyMediaInfo({ FileId: SAMPLE_FILE_ID, SubAppId: SUB_APP_ID, Name: 'renamed', AddTags: ['kept'] });
  const tasks = await first.admin.tasks();
  const calls = await first.admin.calls();
  await first.kill('SIGKILL');

  const second = await startProcess({ maxConcurrentTasks: 1 });
  expect(await second.admin.tasks()).toEqual(tasks);
  expect(await second.admin.calls()).toEqual(calls);
  expect(tasks.map(({ taskId, status }) => [taskId, status])).toEqual([
    [ended, 'FINISH'],
    [processing, 'PROCESSING'],
    [waiting, 'ABORTED'],
  ]);
  const again = vodClient(second.url);
  const { MediaInfoSet, NotExistFileIdSet } = await again.DescribeMediaInfos({
    SubAppId: SUB_APP_ID,
    FileIds: [SAMPLE_FILE_ID, media[1]?.fileId ?? '', tasks[0]?.resultFileId ?? ''],
  });
  expect(NotExistFileIdSet).toBeNull();
  expect(MediaInfoSet?.[0]?.BasicInfo).toMatchObject({ Name: 'renamed', TagSet: ['sample', 'kept'] });
  // And goes on with them: the next task gets a place of its own, the old one its end.
  const next = await submitErase(again);
  expect(tasks.map(({ taskId }) => taskId)).not.toContain(next);
  await second.admin.age(3_600_000);
  expect((await second.admin.tasks()).map(({ status }) => status)).toEqual([
    'FINISH',
    'FINISH',
    'ABORTED',
    'PROCESSING',
  ]);
});

it('lets tasks end while it is away', async () => {
  const first = await startProcess({ taskDurationMs: 300 });
  const taskId = await submitErase(vodClient(first.url));
  await first.kill('SIGKILL');
  const second = await startProcess({ taskDurationMs: 300 });
  const task = await eventually('the end of the task', async () =>
    (await second.admin.tasks()).find(({ status }) => status === 'FINISH'),
  );
  expect(task).toMatchObject({ taskId, finishedAt: (task.startedAt ?? 0) + 300 });
});

it('still counts the second before it was restarted', async () => {
  const first = await startSimulator({ stateFile, submitsPerSecond: 3 });
  await Promise.all(Array.from({ length: 3 }, () => submitErase(vodClient(first.url))));
  await first.close();
  const second = await startSimulator({ stateFile, submitsPerSecond: 3 });
  try {
    await submitErase(vodClient(second.url)).catch(() => undefined);
    const times = second.admin.calls().flatMap(({ at, outcome }) => (outcome === 'ok' ? [at] : []));
    for (const from of times)
      expect(times.filter((at) => at >= from && at < from + 1000).length).toBeLessThanOrEqual(3);
  } finally {
    await second.close();
  }
});

it('says in a sentence when the file is none of its own', async () => {
  await writeFile(stateFile, 'This is a letter, not a database. '.repeat(100));
  await expect(startSimulator({ stateFile })).rejects.toThrow(/The state file .*state\.db cannot be opened.*\.$/);
});

it('ignores a last line that a kill has cut, and writes on after it', async () => {
  const first = await startProcess();
  const taskId = await submitErase(vodClient(first.url));
  await first.kill('SIGKILL');
  await appendFile(stateFile, '{"ageMs":36000');
  const second = await startProcess();
  const next = await submitErase(vodClient(second.url));
  await second.kill('SIGKILL');
  const third = await startProcess();
  expect((await third.admin.tasks()).map((task) => task.taskId)).toEqual([taskId, next]);
});

it('does not read a file with a broken line before its last', async () => {
  const first = await startSimulator({ stateFile });
  await first.close();
  await appendFile(stateFile, '{"ageMs":36\n{"ageMs":1}\n');
  await expect(startSimulator({ stateFile })).rejects.toThrow(/The state file .*state\.db cannot be opened/);
});

it('is one process at a time', async () => {
  const first = await startProcess();
  const inUse = new RegExp(`The state file .*state\\.db is in use by process ${first.pid}\\.`);
  await expect(startSimulator({ stateFile })).rejects.toThrow(inUse);
  await first.kill('SIGKILL');
  const second = await startSimulator({ stateFile });
  await expect(startSimulator({ stateFile })).rejects.toThrow(`is in use by process ${process.pid}.`);
  await second.close();
  await (await startSimulator({ stateFile })).close();
});

it('keeps each thing once after a start', async () => {
  const first = await startSimulator({ stateFile, taskDurationMs: 1 });
  const taskId = await submitErase(vodClient(first.url));
  await eventually('its end', async () => first.admin.tasks().find(({ status }) => status === 'FINISH'));
  await first.close();
  await (await startSimulator({ stateFile })).close();
  const entries = (await readFile(stateFile, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(entries.filter(({ task }) => task?.taskId === taskId)).toHaveLength(1);
});

it('remembers nothing without a file', async () => {
  const first = await startSimulator();
  await submitErase(vodClient(first.url));
  await first.close();
  const second = await startSimulator();
  expect(second.admin.tasks()).toEqual([]);
  await second.close();
});

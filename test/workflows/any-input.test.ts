import { Client, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

let stack: EraseStack;

beforeAll(async () => {
  stack = await EraseStack.start();
  await stack.startWorker();
});
afterAll(() => stack.stop());

const valid = { fileId: '5285485487985271487', subAppId: 1500000001, recipe: { name: 'subtitles' } };

const BAD: [string, unknown[], RegExp][] = [
  ['nothing', [], /request/i],
  ['null', [null], /request/i],
  ['a number', [7], /request/i],
  ['a text', ['5285485487985271487'], /request/i],
  ['a list', [[valid]], /request/i],
  ['an empty object', [{}], /fileId.*subAppId.*recipe/],
  ['a FileId that is a number', [{ ...valid, fileId: 5285485487985271000 }], /fileId.*number/],
  ['an unknown key', [{ ...valid, recipie: {} }], /recipie/],
  ['an unknown recipe', [{ ...valid, recipe: { name: 'subtitle' } }], /subtitles/],
  ['an unknown option of a recipe', [{ ...valid, recipe: { name: 'subtitles', colour: 'red' } }], /recipe.*colour/],
  ['nulls inside', [{ fileId: null, subAppId: null, recipe: null, batchId: null }], /fileId/],
];

/** The run ends by a failure of class `input`, in one attempt at most, and none of its workflow tasks failed. */
async function expectInput(handle: WorkflowHandle, tells: (message: string) => void): Promise<void> {
  const error = await handle.result().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(WorkflowFailedError);
  const { cause } = error as WorkflowFailedError;
  expect(cause).toMatchObject({
    type: 'input',
    details: [{ class: 'input', code: 'InvalidRequest', taskId: null, moneySpent: false }],
  });
  expect(cause?.message.length).toBeLessThanOrEqual(4_000);
  tells(cause?.message ?? '');
  const { events } = await handle.fetchHistory();
  const attempts = events?.flatMap((e) => e.activityTaskStartedEventAttributes?.attempt ?? []) ?? [];
  expect(attempts.every((attempt) => attempt === 1)).toBe(true);
  expect(events?.some((e) => e.workflowTaskFailedEventAttributes)).toBe(false);
}

describe('an erase that was started with', () => {
  it.each(BAD)('%s ends as input in one attempt, with a sentence', async (name, args, message) => {
    const handle = await stack.temporal.workflow.start('erase', {
      taskQueue: 'smart-erase',
      workflowId: `bad ${name}`,
      args,
    });
    await expectInput(handle, (told) => expect(told).toMatch(message));
  });
});

/** Any JSON text as the input, as a client of any language may send it: this one's own would not even write some of it down. */
async function startRaw(name: string, json: string) {
  const workflowId = `raw ${name}`;
  const { namespace } = stack.temporal.options;
  await stack.temporal.workflowService.startWorkflowExecution({
    namespace,
    workflowId,
    requestId: workflowId,
    workflowType: { name: 'erase' },
    taskQueue: { name: 'smart-erase' },
    input: { payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(json) }] },
  });
  return stack.temporal.workflow.getHandle(workflowId);
}

const raw = (fields: string) => JSON.stringify(valid).replace(/\}$/, `,${fields}}`);
const delogo = (json: string) =>
  raw(`"recipe":{"name":"raw","params":{"AiAnalysisTask":{"Definition":25,"ExtendedParameter":{"delogo":${json}}}}}`);
const long = (bytes: number) => 'x'.repeat(bytes);
const many = (count: number) => Array(count).fill('{}').join();

const NUL = '\\u0000';
const HALF = '\\ud83d';
/** Fields that hold a text, and the reported path. */
const TEXTS: [string, (text: string) => string, string][] = [
  ['fileId', (text) => raw(`"fileId":"1${text}"`), 'fileId'],
  ['recipe.name', (text) => raw(`"recipe":{"name":"sub${text}"}`), 'recipe.name'],
  [
    'an option of a recipe',
    (text) => raw(`"recipe":{"name":"subtitles-extract","outputName":"a${text}"}`),
    'outputName',
  ],
  [
    'raw, in a text',
    (text) => delogo(`{"note":"a${text}b"}`),
    'recipe.params.AiAnalysisTask.ExtendedParameter.delogo.note',
  ],
  [
    'raw, in a key',
    (text) => delogo(`{"a${text}b":1}`),
    'recipe.params.AiAnalysisTask.ExtendedParameter.delogo.a\uFFFDb',
  ],
  [
    'raw, in JSON text',
    (text) => delogo(`{}`).replace('{"delogo":{}}', JSON.stringify(`{"delogo":{"note":"a${text}"}}`)),
    'recipe.params.AiAnalysisTask.ExtendedParameter.delogo.note',
  ],
  [
    'smart-erase-task',
    (text) =>
      raw(
        `"recipe":{"name":"smart-erase-task","rawParameter":{"EraseType":"subtitle","EraseSubtitleConfig":{"SubtitleEraseMethod":"auto","SubtitleModel":"standard","TransDstLang":"e${text}"}}}`,
      ),
    'recipe.rawParameter.EraseSubtitleConfig.TransDstLang',
  ],
  ['publish.name', (text) => raw(`"publish":{"name":"a${text}"}`), 'publish.name'],
  ['publish.description', (text) => raw(`"publish":{"description":"a${text}"}`), 'publish.description'],
  ['publish.tags', (text) => raw(`"publish":{"tags":["a","b${text}"]}`), 'publish.tags[1]'],
  ['publish.procedure', (text) => raw(`"publish":{"procedure":"a${text}"}`), 'publish.procedure'],
  ['key', (text) => raw(`"key":"a${text}"`), 'key'],
  ['requestedBy', (text) => raw(`"requestedBy":"a${text}"`), 'requestedBy'],
  ['reason', (text) => raw(`"reason":"a${text}"`), 'reason'],
  ['payAgain', (text) => raw(`"payAgain":{"token":"t","reason":"a${text}"}`), 'payAgain.reason'],
  ['batchId', (text) => raw(`"batchId":"a${text}"`), 'batchId'],
  ['rejectedFrom', (text) => raw(`"rejectedFrom":"a${text}"`), 'rejectedFrom'],
  ['webhook.url', (text) => raw(`"webhook":{"url":"https://example.com/${text}","secret":"one"}`), 'webhook.url'],
  ['webhook.secret', (text) => raw(`"webhook":{"url":"https://example.com/","secret":"a${text}"}`), 'webhook.secret'],
  ['an unknown key', (text) => raw(`"a${text}":1`), 'a\uFFFD'],
];

/** JSON that some part on the way could choke on. */
const HARD: [string, () => string, RegExp][] = [
  ...[200_000, 1_900_000].flatMap((size): [string, () => string, RegExp][] => {
    // A checked field is reported by its path; an input far above the limit, by its size.
    const told = (path: RegExp) => (size > 262_144 ? /has 1900\d{3} characters of JSON/ : path);
    return [
      [`a FileId of ${size} bytes`, () => raw(`"fileId":"${long(size)}"`), told(/fileId/)],
      [`a key of ${size} bytes`, () => raw(`"${long(size)}":1`), told(/x… is not known here/)],
      [`a recipe whose name has ${size} bytes`, () => raw(`"recipe":{"name":"${long(size)}"}`), told(/recipe/)],
      [
        `a webhook of ${size} bytes`,
        () => raw(`"webhook":{"url":"https://example.com/${long(size)}","secret":"one"}`),
        told(/webhook/),
      ],
      [
        `a secret of ${size} bytes`,
        () => raw(`"webhook":{"url":"https://example.com/","secret":"${long(size)}"}`),
        told(/webhook/),
      ],
      [`a batchId of ${size} bytes`, () => raw(`"batchId":"${long(size)}"`), told(/batchId/)],
    ];
  }),
  ['a description of 70 KB', () => raw(`"publish":{"description":"${long(70_000)}"}`), /publish.description/],
  ['as much as the server takes', () => raw(`"reason":"${long(2_097_000 - 200)}"`), /request/i],
  ['NUL twenty thousand times', () => raw(`"publish":{"tags":[${Array(20_000).fill('"\\u0000"').join()}]}`), /NUL/],
  ['eighty thousand bad areas', () => raw(`"recipe":{"name":"subtitles","areas":[${many(80_000)}]}`), /areas/],
  ['half a million bad areas', () => raw(`"recipe":{"name":"subtitles","areas":[${many(500_000)}]}`), /characters/],
  ['brackets in a text', () => raw(`"reason":"${'[{'.repeat(5_000)}"`), /^(?!.*levels).*reason/],
  ['quotes before levels', () => delogo(`{"a\\"":${'['.repeat(300)}${']'.repeat(300)}}`), /levels deep/],
  ['33 levels', () => delogo(`${'['.repeat(33)}${']'.repeat(33)}`), /levels deep/],
  ['5,000 levels of lists', () => delogo(`${'['.repeat(5_000)}${']'.repeat(5_000)}`), /levels deep/],
  ['a hundred thousand levels of lists', () => delogo(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), /levels deep/],
  ['a hundred thousand levels of objects', () => `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, /levels deep/],
  ['a prototype', () => raw('"__proto__":{"x":1},"constructor":{"prototype":1}'), /__proto__.*constructor/],
  ['colours of a terminal', () => raw(String.raw`"reason":"\u001b[31m\u0007\b\r\n\u2028"`), /reason/],
  ['backslashes and quotes as a key', () => raw(String.raw`"\\\"\\u0000\\":1`), /is not known here/],
];

describe('an erase that was started with', () => {
  it.each(
    TEXTS.flatMap(([field, json, path]) => [
      [`NUL in ${field}`, json(NUL), path] as const,
      [`half of a character in ${field}`, json(HALF), path] as const,
    ]),
  )('%s ends as input, and its path is told', async (name, json, path) => {
    await expectInput(await startRaw(name, json), (message) => expect(message).toContain(path));
  });

  it.each(HARD)('%s ends as input', async (name, json, message) => {
    await expectInput(await startRaw(name, json()), (told) => expect(told).toMatch(message));
  });

  it('texts that only look like it goes to the vendor as it is', async () => {
    const { fileId } = await stack.request();
    const note = String.raw`{"a":"\u0000\ud83d"} \\u0000 😀`;
    const recipe = {
      name: 'raw',
      params: { AiAnalysisTask: { Definition: 25, ExtendedParameter: { delogo: { note } } } },
    };
    const result = await stack.client.execute({ ...valid, fileId, recipe, reason: note });
    expect(result).toMatchObject({ status: 'succeeded', recipe });
    const [task] = (await stack.admin.tasks()).filter((each) => each.fileId === fileId);
    const sent = JSON.parse(task?.inputs[0] ?? '') as { ExtendedParameter: string };
    expect(JSON.parse(sent.ExtendedParameter)).toEqual({ delogo: { note } });
  });
});

describe('a namespace without our search attributes', () => {
  it('runs erases all the same', async () => {
    const bare = await EraseStack.start({ searchAttributes: [] });
    try {
      await bare.startWorker();
      expect(await bare.client.execute(await bare.request())).toMatchObject({ status: 'succeeded' });
    } finally {
      await bare.stop();
    }
  });
});

const ENCRYPTED = { metadata: { encoding: Buffer.from('binary/encrypted') }, data: Buffer.from('x') };
const UNREADABLE: [string, { metadata?: Record<string, Buffer>; data?: Buffer }, RegExp][] = [
  ['encrypted', ENCRYPTED, /encoding is "binary\/encrypted".*without a codec/],
  ['compressed', { metadata: { encoding: Buffer.from('binary/zlib') }, data: Buffer.from('x') }, /"binary\/zlib"/],
  ['protobuf', { metadata: { encoding: Buffer.from('json/protobuf') }, data: Buffer.from('{}') }, /"json\/protobuf"/],
  ['without an encoding', { data: Buffer.from('{}') }, /its encoding is ""/],
  ['of an encoding with an escape sequence', { metadata: { encoding: Buffer.from('\u001b[2J') } }, /"\\u001b\[2J"/],
  [
    'broken JSON',
    { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{"fileId":') },
    /it is no JSON/,
  ],
  ['JSON without data', { metadata: { encoding: Buffer.from('json/plain') } }, /it is no JSON/],
  ['bytes', { metadata: { encoding: Buffer.from('binary/plain') }, data: Buffer.from('{}') }, /request/i],
  ['a null', { metadata: { encoding: Buffer.from('binary/null') } }, /request/i],
];

async function startUnreadable(workflowId: string, type: string, payload: (typeof UNREADABLE)[number][1]) {
  const { namespace } = stack.temporal.options;
  await stack.temporal.workflowService.startWorkflowExecution({
    namespace,
    workflowId,
    requestId: workflowId,
    workflowType: { name: type },
    taskQueue: { name: 'smart-erase' },
    input: { payloads: [payload] },
    memo: { fields: { eraseRequest: ENCRYPTED, eraseHold: ENCRYPTED } },
  });
  return stack.temporal.workflow.getHandle(workflowId);
}

describe('an input that is not plain JSON', () => {
  it.each(UNREADABLE)('ends an erase as input, with the reason: %s', async (name, payload, message) => {
    const handle = await startUnreadable(`unreadable ${name}`, 'erase', payload);
    await expectInput(handle, (told) => expect(told).toMatch(message));
  });

  it.each(['batch', 'completionWatch', 'eraseNotification'])(
    'ends a workflow %s, instead of failing its task',
    async (type) => {
      for (const [name, payload] of [UNREADABLE[0], UNREADABLE[8]].map(
        (each) => [each?.[0] ?? '', each?.[1] ?? {}] as const,
      )) {
        const handle = await startUnreadable(`${type} ${name}`, type, payload);
        const error = await handle.result().catch((e: unknown) => e);
        expect(error).toMatchObject({
          cause: { type: 'input', message: expect.stringMatching(/cannot be read|object with/) },
        });
        const { events } = await handle.fetchHistory();
        expect(events?.some((e) => e.workflowTaskFailedEventAttributes)).toBe(false);
      }
    },
  );

  it('refuses an update of a run that is held, and its memo hides no other run of a list', async () => {
    const codec = {
      encode: async () => [ENCRYPTED],
      decode: async (payloads: Payload[]) => payloads,
    };
    const { connection, options } = stack.temporal;
    const encrypting = new Client({
      connection,
      namespace: options.namespace,
      dataConverter: { payloadCodecs: [codec] },
    });
    const request = await stack.request();
    await stack.admin.addFault({
      action: 'ProcessMediaByMPS',
      kind: 'error',
      code: 'FailedOperation.InvalidAccount',
      fileId: request.fileId,
    });
    const held = await stack.client.start(request);
    await eventually('the hold', async () => ((await held.status()).phase === 'held' ? true : undefined), 20_000);
    const update = encrypting.workflow.getHandle(held.workflowId).executeUpdate('retry', { args: [{}] });
    await expect(update).rejects.toMatchObject({ cause: { message: expect.stringContaining('binary/encrypted') } });
    await held.abort({ by: 'test', reason: 'test' });

    const listed = await eventually('all runs', async () => {
      const rows = [];
      for await (const row of stack.client.list()) rows.push(row);
      const ids = rows.map(({ workflowId }) => workflowId);
      return ids.includes(held.workflowId) && ids.includes('unreadable encrypted') ? rows : undefined;
    });
    expect(listed.find(({ workflowId }) => workflowId === 'unreadable encrypted')).toMatchObject({
      recipe: null,
      held: null,
    });
    expect(await stack.client.getHandle('unreadable encrypted').status()).toMatchObject({
      phase: 'failed',
      request: null,
      failure: { class: 'input', message: expect.stringContaining('binary/encrypted') },
    });
  });
});

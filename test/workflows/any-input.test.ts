import { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EraseStack } from '../support/erase-stack.js';

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

describe('an erase that was started with', () => {
  it.each(BAD)('%s ends as input in one attempt, with a sentence', async (name, args, message) => {
    const handle = await stack.temporal.workflow.start('erase', {
      taskQueue: 'smart-erase',
      workflowId: `bad ${name}`,
      args,
    });
    const error = await handle.result().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(WorkflowFailedError);
    expect((error as WorkflowFailedError).cause).toMatchObject({
      type: 'input',
      message: expect.stringMatching(message),
      details: [{ class: 'input', code: 'InvalidRequest', taskId: null, moneySpent: false }],
    });
    const { events } = await handle.fetchHistory();
    expect(
      events
        ?.filter((e) => e.activityTaskStartedEventAttributes)
        .map((e) => e.activityTaskStartedEventAttributes?.attempt),
    ).toEqual([1]);
    expect(events?.some((e) => e.workflowTaskFailedEventAttributes)).toBe(false);
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

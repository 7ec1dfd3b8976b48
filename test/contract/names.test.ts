import { describe, expect, it } from 'vitest';
import { batchWorkflowId } from '../../src/contract/batch.js';
import { namesOfQueue, namesWith, QUEUE, SEARCH_ATTRIBUTE, watchWorkflowId } from '../../src/contract/names.js';

describe('names in a namespace', () => {
  it('without a prefix are those of the contract', () => {
    expect(namesWith('').queue).toEqual({
      main: 'smart-erase',
      submit: 'smart-erase-submit',
      submitBatch: 'smart-erase-submit-batch',
    });
    expect(namesWith('').searchAttribute).toEqual({
      taskId: 'EraseTaskId',
      phase: 'ErasePhase',
      fileId: 'EraseFileId',
      batchId: 'EraseBatchId',
    });
    expect([watchWorkflowId(1), batchWorkflowId('b')]).toEqual(['watch/1', 'batch/b']);
  });

  it('with a prefix all begin with it', () => {
    const { queue, searchAttribute } = namesWith('media');
    expect(Object.values(queue)).toEqual(Object.values(QUEUE).map((name) => `media-${name}`));
    expect(Object.values(searchAttribute)).toEqual(Object.values(SEARCH_ATTRIBUTE).map((name) => `media${name}`));
    expect([watchWorkflowId(1, 'media'), batchWorkflowId('b', 'media')]).toEqual(['media/watch/1', 'media/batch/b']);
  });

  it.each(['', 'media', 'a', 'A1'])('are known from the queue of a run: prefix "%s"', (prefix) => {
    expect(namesOfQueue(namesWith(prefix).queue.main)).toEqual(namesWith(prefix));
  });

  it.each(['other', 'my-own-smart-erase', '-smart-erase', 'Temporal-smart-erase', 'smart-erase-submit'])(
    'of a queue that is none of ours, %s, are those without a prefix',
    (queue) => {
      expect(namesOfQueue(queue)).toEqual(namesWith(''));
    },
  );
});

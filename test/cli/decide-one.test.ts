import { beforeEach, describe, expect, it } from 'vitest';
import { decideOne } from '../../src/cli/holds.js';
import type { EraseHandle } from '../../src/client.js';
import { EraseNotFoundError, EraseNotHeldError } from '../../src/errors.js';
import type { HoldRecord } from '../../src/ledger/hold-store.js';

const DECISION = { by: 'alice', reason: 'the bill is paid' };

let open: HoldRecord[];
let ended: unknown[];
const ledger = {
  listHolds: async () => open,
  endHold: async (run: { workflowId: string }, end: { as: string }) => {
    open = [];
    ended.push({ workflowId: run.workflowId, as: end.as });
  },
};

function hold(agoMs: number): HoldRecord {
  return {
    ...{ workflowId: 'erase/1', runId: 'run-1', subAppId: 1500000001, fileId: '5285485487985271487', batchId: null },
    ...{ stage: 'submit', class: 'account', code: null, message: 'in arrears', requestId: null },
    submission: null,
  since: new Date(Date.now() - agoMs),
  };
}

/** A run that answers as each of these does, and then takes the decision. */
function clientOf(...answers: (() => void)[]) {
  const asked: unknown[] = [];
  const retry = async (decision: unknown) => {
    asked.push(decision);
    answers[asked.length - 1]?.();
  };
  return { asked, getHandle: () => ({ retry }) as unknown as EraseHandle };
}

const notYetHeld = () => {
  throw new EraseNotHeldError('erase/1', 'it is starting');
};
const unknownRun = () => {
  throw new EraseNotFoundError('erase/1');
};

beforeEach(() => {
  open = [hold(0)];
  ended = [];
});

describe('a decision on a hold that was just written', () => {
  it('waits until the run says that it is held', async () => {
    const client = clientOf(notYetHeld, notYetHeld);
    expect(await decideOne(ledger, client, hold(0), 'retry', DECISION)).toBe(true);
    expect(client.asked).toEqual([DECISION, DECISION, DECISION]);
    expect(ended).toEqual([]);
  });

  it('ends when somebody else has decided meanwhile', async () => {
    const client = clientOf(() => {
      open = [];
      notYetHeld();
    });
    expect(await decideOne(ledger, client, hold(0), 'retry', DECISION)).toBe(false);
    expect(client.asked).toHaveLength(1);
  });
});

describe('a decision on a hold that is over', () => {
  it.each([
    ['is not held any more', hold(60_000), notYetHeld],
    ['is gone', hold(0), unknownRun],
  ])('puts the books right at once: the run %s', async (_, record, answer) => {
    const client = clientOf(answer);
    expect(await decideOne(ledger, client, record, 'retry', DECISION)).toBe(false);
    expect(client.asked).toHaveLength(1);
    expect(ended).toEqual([{ workflowId: 'erase/1', as: 'resolved' }]);
  });
});

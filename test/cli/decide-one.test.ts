import { beforeEach, describe, expect, it } from 'vitest';
import { decideAll, decideOne } from '../../src/cli/holds.js';
import type { EraseClient, EraseHandle } from '../../src/client.js';
import { EraseNotFoundError, EraseNotHeldError, InvalidRequestError } from '../../src/errors.js';
import type { HoldRecord } from '../../src/ledger/holds/hold-store.js';

const DECISION = { by: 'alice', reason: 'the bill is paid' };

let open: HoldRecord[];
let ended: unknown[];
const holds = {
  move: async () => false,
  list: async () => open,
  end: async (run: { workflowId: string }, end: { as: string }) => {
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
  const asked: { runId: string | undefined; decision: unknown }[] = [];
  const getHandle = (_id: unknown, runId?: string) => {
    const retry = async (decision: unknown) => {
      asked.push({ runId, decision });
      answers[asked.length - 1]?.();
    };
    return { retry } as unknown as EraseHandle;
  };
  return { asked, getHandle };
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
    const [held] = open;
    expect(await decideOne(holds, client, held as HoldRecord, 'retry', DECISION)).toBe(true);
    const since = held?.since.toISOString();
    const decision = { ...DECISION, expect: { runId: 'run-1', class: 'account', submission: null, since } };
    expect(client.asked).toEqual(Array(3).fill({ runId: 'run-1', decision }));
    expect(ended).toEqual([]);
  });

  it.each([
    ['somebody else has decided meanwhile', () => []],
    [
      'it is held for something else by now',
      ([held]: HoldRecord[]) => [{ ...(held as HoldRecord), class: 'uncertain' }],
    ],
    ['it is held anew', () => [hold(5_000)]],
  ])('ends when %s', async (_, change) => {
    const [held] = open;
    const client = clientOf(() => {
      open = change(open);
      notYetHeld();
    });
    expect(await decideOne(holds, client, held as HoldRecord, 'retry', DECISION)).toBe(false);
    expect(client.asked).toHaveLength(1);
  });

  it('does not ask for a submission that a row from before a migration does not know', async () => {
    const client = clientOf();
    expect(await decideOne(holds, client, { ...hold(0), class: 'uncertain' }, 'retry', DECISION)).toBe(true);
    expect(client.asked[0]?.decision).not.toHaveProperty('expect.submission');
  });

  it('is said to be wrong, and ends no hold, when it is not complete', async () => {
    const client = clientOf(() => {
      throw new InvalidRequestError(['"by" is missing.']);
    });
    await expect(decideOne(holds, client, hold(60_000), 'retry', DECISION)).rejects.toThrow('"by" is missing');
    expect(ended).toEqual([]);
  });
});

describe('a decision on a hold that is over', () => {
  it.each([
    ['is not held any more', hold(60_000), notYetHeld],
    ['is gone', hold(0), unknownRun],
  ])('puts the books right at once: the run %s', async (_, record, answer) => {
    const client = clientOf(answer);
    expect(await decideOne(holds, client, record, 'retry', DECISION)).toBe(false);
    expect(client.asked).toHaveLength(1);
    expect(ended).toEqual([{ workflowId: 'erase/1', as: 'resolved' }]);
  });
});

describe('a decision for all', () => {
  it('is made once about a run, though it is held again at once', async () => {
    let at = 60_000;
    const again = { ...holds, list: async () => [hold(at--)] };
    const client = clientOf();
    const so = await decideAll(again, client as unknown as EraseClient, {}, 'retry', DECISION);
    expect([so, client.asked.length]).toEqual([{ done: 1, gone: 0 }, 1]);
  });
});

import { describe, expect, it } from 'vitest';
import { LISTED_FOR_MS } from '../../src/contract/vendor-limits.js';
import { decide, TOO_OLD_TO_TELL } from '../../src/ledger/submissions/decide.js';
import { PLACE_AT, submissionRecord } from '../support/submissions.js';

const SETTLE_MS = 60_000;
const NOW = PLACE_AT.getTime() + 10_000;
const SETTLED = PLACE_AT.getTime() + SETTLE_MS;

const asked = {
  namespace: 'default',
  workflowId: 'erase/1',
  runId: 'run-1',
  resubmitAfterTaskId: null,
  lookedFor: null,
  operatorRetryUpTo: null,
  neverPay: false,
  settleMs: SETTLE_MS,
};

const lookedFor = (number: number) => ({ number, scheduledAt: PLACE_AT });

const sending = (number = 1) => submissionRecord({ number, state: 'sending' });
const unknown = (number: number) => submissionRecord({ number, state: 'unknown' });

describe('what nobody paid for', () => {
  it('is sent when there is no submission', () => {
    expect(decide([], asked, NOW)).toEqual({ kind: 'send', number: 1, giveUp: false });
  });

  it('is sent again in the same row when the last one was refused', () => {
    const refused = submissionRecord({ number: 2, state: 'refused' });
    expect(decide([refused], asked, NOW)).toEqual({ kind: 'send', number: 2, giveUp: false });
  });

  it('is sent again after its task was aborted', () => {
    const aborted = submissionRecord({ outcome: 'aborted' });
    expect(decide([aborted], asked, NOW)).toMatchObject({ kind: 'send', number: 2 });
  });
});

describe('what was paid for', () => {
  it.each([
    ['is waited for while it runs', null, 'running'],
    ['is reused when it succeeded', 'succeeded', 'done'],
    ['is not paid for again when it expired unread', 'expired', 'lost'],
  ] as const)('%s', (_name, outcome, kind) => {
    expect(decide([submissionRecord({ outcome })], { ...asked, runId: 'another' }, NOW)).toMatchObject({ kind });
  });

  it('is not paid for again by the run whose task failed', () => {
    expect(decide([submissionRecord({ outcome: 'failed' })], asked, NOW)).toMatchObject({ kind: 'failed' });
  });

  it('is paid for once more by that run when it names the failed task', () => {
    const failed = submissionRecord({ outcome: 'failed' });
    const again = { ...asked, resubmitAfterTaskId: failed.taskId };
    expect(decide([failed], again, NOW)).toEqual({ kind: 'send', number: 2, giveUp: false });
    const second = submissionRecord({ number: 2, outcome: 'failed' });
    expect(decide([second, failed], again, NOW)).toMatchObject({ kind: 'failed' });
  });

  it('is paid for once more by a new run of a failed erase', () => {
    const failed = submissionRecord({ outcome: 'failed' });
    expect(decide([failed], { ...asked, runId: 'run-2' }, NOW)).toMatchObject({ kind: 'send', number: 2 });
  });

  it('is waited for even when its answer came after it was given up', () => {
    const late = submissionRecord({ number: 1 });
    expect(decide([sending(2), late], asked, NOW)).toMatchObject({ kind: 'running', record: late });
  });
});

describe('what was paid for by several runs', () => {
  it('is not paid for a third time by a run whose failed task was followed by another’s', () => {
    const theirs = submissionRecord({ number: 2, outcome: 'failed', runId: 'theirs' });
    const first = submissionRecord({ outcome: 'failed', runId: 'theirs' });
    const again = { ...asked, resubmitAfterTaskId: first.taskId };
    expect(decide([theirs, first], again, NOW)).toMatchObject({ kind: 'failed', record: theirs });
  });

  it('is reused although a late answer told of one more task', () => {
    const late = submissionRecord({ number: 1 });
    const done = submissionRecord({ number: 2, outcome: 'succeeded' });
    expect(decide([done, late], { ...asked, runId: 'next' }, NOW)).toMatchObject({ kind: 'done', record: done });
    const doneFirst = submissionRecord({ number: 1, outcome: 'succeeded' });
    const failed = submissionRecord({ number: 2, outcome: 'failed' });
    expect(decide([failed, doneFirst], { ...asked, runId: 'next' }, NOW)).toMatchObject({
      kind: 'done',
      record: doneFirst,
    });
  });
});

describe('an unresolved submit', () => {
  it('is looked for first, whoever comes', () => {
    expect(decide([sending()], asked, SETTLED)).toMatchObject({ kind: 'look' });
    expect(decide([sending()], { ...asked, runId: 'another' }, SETTLED)).toMatchObject({ kind: 'look' });
  });

  it('is not given up before it has settled', () => {
    expect(decide([sending()], { ...asked, lookedFor: lookedFor(1) }, SETTLED - 1)).toMatchObject({ kind: 'look' });
  });

  it('is given up and sent again once it was looked for and has settled', () => {
    expect(decide([sending()], { ...asked, lookedFor: lookedFor(1) }, SETTLED)).toEqual({
      kind: 'send',
      number: 2,
      giveUp: true,
    });
  });

  it('is looked for when what was looked for is another one', () => {
    expect(decide([sending(2), unknown(1)], { ...asked, lookedFor: lookedFor(1) }, SETTLED)).toMatchObject({
      kind: 'look',
    });
  });

  it('is looked for again when it was postponed since', () => {
    const retaken = { ...sending(), scheduledAt: new Date(PLACE_AT.getTime() + 1) };
    const looked = { ...asked, lookedFor: lookedFor(1) };
    expect(decide([retaken], looked, SETTLED + 1)).toMatchObject({ kind: 'look' });
  });

  it('is not sent again when the vendor would not list it any more', () => {
    const old = PLACE_AT.getTime() + LISTED_FOR_MS;
    for (const one of [sending(), unknown(1)]) {
      const looked = { ...asked, runId: 'another', lookedFor: lookedFor(1) };
      expect(decide([one], looked, old)).toMatchObject({ kind: 'send', number: 2 });
      expect(decide([one], looked, old + 1)).toMatchObject({ kind: 'uncertain', why: TOO_OLD_TO_TELL });
      // An operator may know better.
      expect(decide([one], { ...looked, operatorRetryUpTo: 1 }, old + 1)).toMatchObject({ kind: 'send', number: 2 });
    }
  });

  it('is looked for again when a run of long ago gave it up', () => {
    expect(decide([unknown(1)], asked, SETTLED)).toMatchObject({ kind: 'look' });
    expect(decide([unknown(1)], { ...asked, lookedFor: lookedFor(1) }, SETTLED)).toEqual({
      kind: 'send',
      number: 2,
      giveUp: false,
    });
  });

  it('is never sent again when the vendor said that it had it', () => {
    const duplicate = submissionRecord({ state: 'sending', saidDuplicate: true });
    expect(decide([duplicate], { ...asked, lookedFor: lookedFor(1) }, SETTLED)).toMatchObject({ kind: 'uncertain' });
  });

  it('stops for an operator after three rounds without a task', () => {
    const rounds = [sending(3), unknown(2), unknown(1)];
    expect(decide(rounds, { ...asked, lookedFor: lookedFor(3) }, SETTLED)).toMatchObject({ kind: 'uncertain' });
    expect(decide(rounds.slice(1), { ...asked, lookedFor: lookedFor(2) }, SETTLED)).toMatchObject({
      kind: 'send',
      number: 3,
    });
  });

  it('counts only rounds in a row', () => {
    const rounds = [sending(4), submissionRecord({ number: 3, outcome: 'failed' }), unknown(2), unknown(1)];
    expect(decide(rounds, { ...asked, lookedFor: lookedFor(4) }, SETTLED)).toMatchObject({ kind: 'send', number: 5 });
  });

  it('goes on by an operator’s leave, for what was held and no further', () => {
    const rounds = [sending(3), unknown(2), unknown(1)];
    const leave = { ...asked, lookedFor: lookedFor(3), operatorRetryUpTo: 3 };
    expect(decide(rounds, leave, SETTLED)).toEqual({ kind: 'send', number: 4, giveUp: true });
    const next = [sending(4), unknown(3), unknown(2), unknown(1)];
    expect(decide(next, { ...leave, lookedFor: lookedFor(4) }, SETTLED)).toMatchObject({ kind: 'uncertain' });
  });

  it('is looked for and settles even when an operator gave leave', () => {
    const leave = { ...asked, operatorRetryUpTo: 1 };
    expect(decide([sending()], leave, SETTLED)).toMatchObject({ kind: 'look' });
    expect(decide([sending()], { ...leave, lookedFor: lookedFor(1) }, NOW)).toMatchObject({ kind: 'look' });
  });
});

describe('what must not be paid for', () => {
  const neverPay = { ...asked, runId: 'another', neverPay: true };

  it.each([
    ['is taken up while it runs', null, 'running'],
    ['is reused when it succeeded', 'succeeded', 'done'],
    ['is lost when it expired unread', 'expired', 'lost'],
    ['is not sent when its task failed', 'failed', 'forbidden'],
    ['is not sent when its task was aborted', 'aborted', 'forbidden'],
  ] as const)('%s', (_name, outcome, kind) => {
    const record = submissionRecord({ outcome });
    expect(decide([record], neverPay, NOW)).toEqual({ kind, record });
  });

  it('is not sent when nobody ever did', () => {
    expect(decide([], neverPay, NOW)).toEqual({ kind: 'forbidden', record: null });
  });

  it('is not sent again in the row of a refused one', () => {
    const refused = submissionRecord({ state: 'refused' });
    expect(decide([refused], neverPay, NOW)).toEqual({ kind: 'forbidden', record: refused });
  });

  it('is not sent once more by the run that names the failed task', () => {
    const failed = submissionRecord({ outcome: 'failed' });
    const again = { ...neverPay, resubmitAfterTaskId: failed.taskId };
    expect(decide([failed], again, NOW)).toEqual({ kind: 'forbidden', record: failed });
  });

  it('is looked for when it is in doubt, and not sent when it was not found', () => {
    expect(decide([sending()], neverPay, NOW)).toMatchObject({ kind: 'look' });
    const looked = { ...neverPay, lookedFor: lookedFor(1) };
    expect(decide([sending()], looked, SETTLED)).toMatchObject({ kind: 'forbidden' });
  });

  it('is not sent by the leave of an operator', () => {
    const leave = { ...neverPay, lookedFor: lookedFor(1), operatorRetryUpTo: 1 };
    expect(decide([sending()], leave, SETTLED)).toMatchObject({ kind: 'forbidden' });
  });
});

describe('what further payments of the file and recipe made', () => {
  const succeeded = (fields: Parameters<typeof submissionRecord>[0] = {}) =>
    submissionRecord({ outcome: 'succeeded', ...fields });
  const later = new Date(PLACE_AT.getTime() + 60_000);
  const gone = { resultGoneAt: PLACE_AT };
  const rejected = { rejected: { at: PLACE_AT, by: 'ann', reason: 'a logo is left' } };

  it('counts when it is newer than the own result, or that is deleted', () => {
    const [own, anew] = [succeeded(), succeeded({ number: 5, scheduledAt: later })];
    expect(decide([own], asked, NOW, [anew])).toEqual({ kind: 'done', record: anew });
    const deleted = succeeded(gone);
    expect(decide([deleted], asked, NOW, [anew])).toEqual({ kind: 'done', record: anew });
    expect(decide([], asked, NOW, [anew])).toEqual({ kind: 'done', record: anew });
  });

  it('is waited for while it runs, where there is no good result', () => {
    const running = submissionRecord({ number: 5, scheduledAt: later });
    expect(decide([succeeded(gone)], asked, NOW, [running])).toEqual({ kind: 'running', record: running });
    expect(decide([succeeded(rejected)], asked, NOW, [running])).toEqual({ kind: 'running', record: running });
    const own = succeeded();
    expect(decide([own], asked, NOW, [running])).toEqual({ kind: 'done', record: own });
  });

  it('that was rejected counts only where there is no other, and deleted ones are never paid for again', () => {
    const [no, good] = [succeeded({ ...rejected, scheduledAt: later }), succeeded({ number: 5 })];
    expect(decide([no], asked, NOW, [good])).toEqual({ kind: 'done', record: good });
    expect(decide([no], asked, NOW)).toEqual({ kind: 'done', record: no });
    const deleted = succeeded(gone);
    expect(decide([deleted], asked, NOW)).toEqual({ kind: 'deleted', record: deleted });
    expect(decide([deleted], { ...asked, neverPay: true }, NOW)).toEqual({ kind: 'deleted', record: deleted });
  });

  it('does not count for what is in doubt, failed or was refused under the own name', () => {
    const running = submissionRecord({ number: 5 });
    for (const own of [sending(), submissionRecord({ outcome: 'failed' }), submissionRecord({ state: 'refused' })]) {
      expect(decide([own], asked, SETTLED, [running])).toEqual({ kind: 'running', record: running });
    }
  });
});

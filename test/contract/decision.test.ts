import { describe, expect, it } from 'vitest';
import {
  operatorDecisionSchema,
  retryDecisionSchema,
  reviewRejectionSchema,
} from '../../src/contract/answer-schema.js';
import { type DecisionField, decisionProblem } from '../../src/contract/decision.js';

const ANN = { by: 'ann', reason: 'looked at it' };
const ALL: DecisionField[] = ['expect', 'taskId', 'retryWith'];
const nested = (levels: number): unknown => (levels === 0 ? 'x' : [nested(levels - 1)]);

describe('a decision is taken', () => {
  it.each<[string, object]>([
    ['with a name and a reason', ANN],
    ['with white space, quotes and letters of any script', { by: 'Ünal "U" 山', reason: 'two\nlines\tand 🎬' }],
    ['at the longest', { by: 'b'.repeat(1_000), reason: 'r'.repeat(4_000) }],
    ['with an empty expectation', { ...ANN, expect: {} }],
    [
      'with all that it can expect',
      { ...ANN, expect: { runId: 'r', class: 'uncertain', submission: 1, since: 's', taskId: 't' } },
    ],
    ['with a hold that is about no submission', { ...ANN, expect: { submission: null } }],
    ['with a field that is undefined, as JSON leaves it out', { ...ANN, expect: undefined, taskId: undefined }],
    ['with the text of an escape', { ...ANN, reason: 'a\\u0000b' }],
    ['with a task', { ...ANN, taskId: '1500000001-ProcessMediaByMPS-abc' }],
    ['with a recipe', { ...ANN, retryWith: { name: 'logo', areas: [{ left: 0.1 }] } }],
    ['with a recipe that is none: that is found out later', { ...ANN, retryWith: 'logo' }],
  ])('%s', (_what, decision) => {
    expect(decisionProblem(decision, ALL)).toBeNull();
  });
});

describe('a decision is refused, with a sentence that does not repeat it', () => {
  it.each<[string, unknown, RegExp]>([
    ['nothing at all', undefined, /the argument is undefined/],
    ['null', null, /the argument is null/],
    ['a number', 7, /the argument is a number/],
    ['a text', 'SENT', /the argument is a string/],
    ['a list', [ANN], /the argument is a list/],
    ['bytes', new Uint8Array([7]), /"by" is missing/],
    ['an empty object', {}, /Say who decided.*"by" is missing/],
    ['no reason', { by: 'ann' }, /Say why.*"reason" is missing/],
    ['a blank name', { ...ANN, by: ' \n' }, /"by" is missing or empty/],
    ['a name that is a number', { ...ANN, by: 7 }, /"by" is a number/],
    ['a reason that is a list', { ...ANN, reason: ['SENT'] }, /"reason" is a list/],
    ['NUL in the name', { ...ANN, by: 'SENT\0' }, /"by" holds a NUL/],
    ['NUL in the reason', { ...ANN, reason: 'SENT\0' }, /"reason" holds a NUL/],
    ['half of a character', { ...ANN, reason: 'SENT\ud83c' }, /"reason" holds half of a character/],
    ['the other half', { ...ANN, by: '\udfacSENT' }, /"by" holds half of a character/],
    ['a long name', { ...ANN, by: 'SENT'.repeat(251) }, /"by" has 1004 characters; at most 1000/],
    ['a reason of 1.2 MB', { ...ANN, reason: 'SENT'.repeat(300_000) }, /"reason" has 1200000 characters; at most 4000/],
    ['a task that is a number', { ...ANN, taskId: 7 }, /"taskId" is a number/],
    ['a task that is null', { ...ANN, taskId: null }, /"taskId" is null/],
    ['a blank task', { ...ANN, taskId: ' ' }, /"taskId" is empty/],
    ['a long task', { ...ANN, taskId: 'SENT'.repeat(51) }, /"taskId" has 204 characters/],
    ['NUL in the task', { ...ANN, taskId: 'SENT\0' }, /"taskId" holds a NUL/],
    [
      'NUL deep in a recipe',
      { ...ANN, retryWith: { name: 'raw', areas: [{ note: 'SENT\0' }] } },
      /"retryWith" holds a NUL/,
    ],
    ['NUL in a field of a recipe', { ...ANN, retryWith: { 'SENT\0': 1 } }, /"retryWith" holds a NUL/],
    ['half of a character in a recipe', { ...ANN, retryWith: ['SENT\ud800'] }, /"retryWith" holds half/],
    ['a recipe that is too deep', { ...ANN, retryWith: nested(40) }, /"retryWith" is nested more than 32 levels/],
    [
      'a recipe that is too deep for a stack',
      { ...ANN, retryWith: JSON.parse(`${'['.repeat(30_000)}${']'.repeat(30_000)}`) },
      /nested/,
    ],
    [
      'a recipe of 1.2 MB',
      { ...ANN, retryWith: { name: 'SENT'.repeat(300_000) } },
      /1200\d{3} bytes of JSON; at most 65536/,
    ],
    ['64 KiB and a byte, in characters of three bytes', { ...ANN, retryWith: '山'.repeat(22_000) }, /660\d\d bytes/],
    ['a mistyped field', { ...ANN, SENT: 1 }, /a field that this update does not know.*"expect"/],
    ['an expectation that is null', { ...ANN, expect: null }, /"expect" is null/],
    ['an expectation that is a text', { ...ANN, expect: 'SENT' }, /"expect" is a string/],
    ['an expectation that is a list', { ...ANN, expect: [] }, /"expect" is a list/],
    ['a mistyped expectation', { ...ANN, expect: { run: 'SENT' } }, /does not know. It takes "expect.runId"/],
    ['a run that is a number', { ...ANN, expect: { runId: 7 } }, /"expect.runId" is a number/],
    ['a class that is null', { ...ANN, expect: { class: null } }, /"expect.class" is null/],
    [
      'a submission that is a text',
      { ...ANN, expect: { submission: '1' } },
      /"expect.submission" has to be the number/,
    ],
    ['a submission that is half', { ...ANN, expect: { submission: 1.5 } }, /"expect.submission" has to be/],
    ['a submission below 1', { ...ANN, expect: { submission: 0 } }, /"expect.submission" has to be/],
    ['a long run', { ...ANN, expect: { runId: 'SENT'.repeat(60) } }, /"expect.runId" has 240 characters/],
    ['NUL in what is expected', { ...ANN, expect: { since: 'SENT\0' } }, /"expect" holds a NUL/],
  ])('%s', (_what, decision, sentence) => {
    const problem = decisionProblem(decision, ALL);
    expect(problem).toMatch(sentence);
    expect(problem).not.toContain('SENT');
    expect(problem).not.toMatch(/[\0\ud800-\udfff]/);
    expect(problem?.length).toBeLessThan(300);
  });

  it('a field of another update', () => {
    expect(decisionProblem({ ...ANN, expect: {} }, [])).toMatch(/does not know. It takes "by", "reason"\./);
    expect(decisionProblem({ ...ANN, retryWith: { name: 'logo' } }, ['expect'])).toMatch(/does not know/);
  });
});

describe('the schemas', () => {
  it.each([
    [operatorDecisionSchema, { ...ANN, expect: { runId: 'r', submission: null } }],
    [retryDecisionSchema, { ...ANN, taskId: 't', expect: { submission: 2 } }],
    [reviewRejectionSchema, { ...ANN, retryWith: { name: 'logo' }, expect: { taskId: 't' } }],
    [operatorDecisionSchema, { by: 'b'.repeat(1_000), reason: 'r'.repeat(4_000) }],
  ])('take what the updates take', (schema, decision) => {
    expect(schema.safeParse(decision).success).toBe(true);
  });

  it.each([
    { ...ANN, expect: null },
    { ...ANN, expect: { run: 'r' } },
    { ...ANN, expect: { submission: 0 } },
    { by: 'b'.repeat(1_001), reason: 'r' },
  ])('refuse what they refuse', (decision) => {
    expect(operatorDecisionSchema.safeParse(decision).success).toBe(false);
  });
});

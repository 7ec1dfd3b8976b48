import { expect, it } from 'vitest';
import { RequestMaker } from '../../src/backlog/requests.js';
import { MAX_REQUEST_BYTES } from '../../src/contract/request-schema.js';

const shared = { subAppId: 1500000001, recipe: { name: 'subtitles', textHeight: { min: 20 } }, requestedBy: 'ann' };
const make = (fields: Record<string, unknown>, row = 2) => new RequestMaker(shared).make({ row, fields });

it('takes from the batch what the row leaves out, and the row wins', () => {
  expect(make({ fileId: '123', subAppId: 7 })).toMatchObject({
    request: { row: 2, request: { fileId: '123', subAppId: 7, recipe: shared.recipe, requestedBy: 'ann' } },
  });
});

it("gives a row that only names the batch's recipe the options of it, and one that names another none", () => {
  expect(make({ fileId: '1', recipe: { name: 'subtitles' } })).toMatchObject({
    request: { request: { recipe: shared.recipe } },
  });
  expect(make({ fileId: '1', recipe: { name: 'logo' } })).toMatchObject({
    request: { request: { recipe: { name: 'logo' } } },
  });
});

it('tells everything that is wrong with a row', () => {
  expect(make({ fileId: 'x1', recipe: { name: 'logos' }, colour: 1 })).toEqual({
    problem: {
      row: 2,
      fileId: 'x1',
      problem: expect.stringMatching(/fileId must be.*recipe.*did you mean "logo".*colour/s),
    },
  });
});

it('refuses a FileId that is a number, and a batchId', () => {
  expect(make(JSON.parse('{"fileId": 5285485487985271487}'))).toMatchObject({
    problem: { problem: expect.stringContaining('must be a string') },
  });
  expect(make({ fileId: '1', batchId: 'b' })).toMatchObject({
    problem: { problem: 'batchId is given by the batch; leave it out.' },
  });
});

it('refuses a request that is too large with the id of its batch, by the longest id where there is none yet', () => {
  const params = (length: number) => ({
    AiAnalysisTask: { Definition: 25, ExtendedParameter: { delogo: { output_patten: 'x'.repeat(length) } } },
  });
  const row = (length: number) => ({
    row: 2,
    fields: { fileId: '1', recipe: { name: 'raw', params: params(length) } },
  });
  const size = (length: number, batchId: string) => {
    const made = new RequestMaker(shared, {}, batchId).make(row(length));
    if ('problem' in made) throw new Error(made.problem.problem);
    return Buffer.byteLength(JSON.stringify({ ...made.request.request, batchId }));
  };
  const fits = 60_000 + MAX_REQUEST_BYTES - size(60_000, 'b');
  expect(size(fits, 'b')).toBe(MAX_REQUEST_BYTES);
  expect(new RequestMaker(shared, {}, 'bb').make(row(fits))).toMatchObject({
    problem: { problem: expect.stringMatching(/65537 bytes.*2 characters/) },
  });
  expect(new RequestMaker(shared).make(row(fits - 98))).toMatchObject({
    problem: { problem: expect.stringContaining('100 characters') },
  });
  expect(new RequestMaker(shared).make(row(fits - 99))).toHaveProperty('request');
});

it('refuses what no store keeps, wherever it stands, with its path', () => {
  const problemOf = (fields: Record<string, unknown>) => {
    const made = make({ fileId: '1', ...fields });
    return 'problem' in made ? made.problem.problem : null;
  };
  expect(problemOf({ key: 'a\0' })).toBe('key holds the character NUL.');
  expect(problemOf({ publish: { description: 'a\ud83d' } })).toMatch(/^publish\.description holds half of a character/);
  const delogo = { delogo: { 'k\0': 1 } };
  const params = JSON.stringify({ AiAnalysisTask: { Definition: 25, ExtendedParameter: JSON.stringify(delogo) } });
  expect(problemOf({ recipe: { name: 'raw', params } })).toMatch(
    /delogo\.k\uFFFD has the character NUL in its name\.$/,
  );
  expect(problemOf({ reason: 'the text \\u0000' })).toBeNull();
});

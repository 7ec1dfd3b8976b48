import { expect, it } from 'vitest';
import { JsonTextError, parseJson } from '../../src/text-file/json.js';

const problem = (text: string) => {
  try {
    return `read: ${JSON.stringify(parseJson(text))}`;
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    return error.message;
  }
};

it('is JSON as it is', () => {
  const text = '{"a": [1, -2.5e3, {"a": "}{\\"a\\":1", "b": null}], "b": {"a": true}, "c": "\\u00e4", "d": 1500000001}';
  expect(parseJson(text)).toEqual(JSON.parse(text));
  expect(parseJson('7')).toBe(7);
});

it('is refused where only one of two would count, or digits would be lost, or text was broken before', () => {
  expect(problem('{"fileId": "1", "x": {"fileId": 1}, "fileId": "2"}')).toContain('has fileId twice');
  expect(problem('{"a": [{"b": 1, "\\u0062": 2}]}')).toContain('has a[0].b twice');
  expect(problem('{"a": [1, 5285485487985271487]}')).toContain('5285485487985271487 as a[1]');
  expect(problem('[1e300]')).toMatch(/loses digits/);
  expect(problem('{"name": "a\ufffd"}')).toContain('U+FFFD');
  expect(problem('{"name": "a\\ufffd"}')).toContain('U+FFFD');
  expect(problem('{"a": NaN}')).toMatch(/^is not JSON: /);
  expect(problem('\u200b{}')).toContain('\\u200b');
});

import { describe, expect, it } from 'vitest';
import { time } from '../../src/cli/option-parsers.js';
import { parseDay, parseTime } from '../../src/contract/calendar.js';
import { parseEraseRequest } from '../../src/contract/request-schema.js';

const NONE = [
  '2026-02-30',
  '2026-02-29',
  '2026-13-01',
  '2026-00-10',
  '2026-04-31',
  '2026-05-00',
  '2026-5-1',
  '26-05-01',
  '2026-05-01T24:00:00Z',
  '2026-02-30T10:00:00Z',
  '2026-05-01T12:60:00Z',
  '2026-05-01T12:00:60Z',
  '2026-05-01T12:00:00+24:00',
  '2026-05-01T12:00:00+08:60',
  '2026-05-01T12:00:00',
  '2026-05-01T12Z',
  '2026-05-01 12:00:00Z',
  '2026-05-01Z',
  'today',
  '1780272000',
  '',
];

describe('a day or a time that the calendar does not have', () => {
  it.each(NONE)('is refused: %j', (text) => {
    expect([parseDay(text), parseTime(text)]).toEqual([null, null]);
    expect(() => time(text)).toThrow(/in UTC/);
    const publish = { expireTime: text };
    const request = { fileId: '5285485487985271487', subAppId: 1500000001, recipe: { name: 'logo' }, publish };
    expect(parseEraseRequest(request).ok).toBe(false);
  });
});

it.each([
  ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ['2026-05-01', '2026-05-01T00:00:00.000Z'],
  ['2026-05-01T12:00Z', '2026-05-01T12:00:00.000Z'],
  ['2026-05-01T12:00:00.5Z', '2026-05-01T12:00:00.500Z'],
  ['2026-05-01T00:00:00+08:00', '2026-04-30T16:00:00.000Z'],
])('%s is %s', (text, expected) => {
  expect(time(text).toISOString()).toBe(expected);
});

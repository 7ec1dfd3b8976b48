import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { ACTIONS } from '../../src/simulator/actions/index.js';
import { checkParameters, parametersOfQuery } from '../../src/simulator/parameters.js';

const typings = readFileSync(
  createRequire(import.meta.url).resolve('tencentcloud-sdk-nodejs/tencentcloud/services/vod/v20180717/vod_models.d.ts'),
  'utf8',
);

/** The inputs of an API as the official SDK types them: name, optional or not, type. */
function typedInputs(action: string) {
  const body = new RegExp(`export interface ${action}Request \\{(.*?)\\n\\}`, 's').exec(typings)?.[1] ?? '';
  return [...body.matchAll(/^ {4}(\w+)(\??): (.+);$/gm)].map(([, name = '', optional, type = '']) => ({
    name,
    required: optional === '',
    type,
  }));
}

/** Our word for a type of the SDK's. */
function wordFor(type: string): string {
  if (type === 'string') return 'string';
  if (/^number/.test(type)) return 'integer';
  if (type === 'Array<string>') return 'strings';
  if (/^Array<number/.test(type)) return 'integers';
  return type.startsWith('Array<') ? 'objects' : 'object';
}

describe.each(Object.entries(ACTIONS))('%s', (name, action) => {
  it('takes exactly the parameters that the official SDK has, with their types', () => {
    const typed = typedInputs(name);
    expect(typed.length).toBeGreaterThan(1);
    const known = typed.filter((input) => !action.notSimulated?.includes(input.name));
    const expected = Object.fromEntries(known.map((input) => [input.name, wordFor(input.type)]));
    const ours = Object.entries(action.parameters).map(([key, type]) => [key, type.replace('!', '')]);
    expect(Object.fromEntries(ours)).toEqual(expected);
    for (const left of action.notSimulated ?? []) expect(typed.map((input) => input.name)).toContain(left);
  });

  it('requires what the SDK requires', () => {
    const required = typedInputs(name)
      .filter((input) => input.required)
      .map((input) => input.name);
    const ours = Object.entries(action.parameters).filter(([, type]) => type.endsWith('!'));
    expect(ours.map(([key]) => key).sort()).toEqual(required.sort());
  });
});

describe('parameters of a query', () => {
  const table = { FileIds: 'strings!', Limit: 'integer', Sort: 'object', Ids: 'integers' } as const;

  it('are put together again', () => {
    const query = 'FileIds.0=a&FileIds.1=5285485487985271487&Limit=20&Sort.Field=CreateTime&Ids.1=2&Ids.0=1';
    expect(parametersOfQuery(query, table)).toEqual({
      FileIds: ['a', '5285485487985271487'],
      Limit: 20,
      Sort: { Field: 'CreateTime' },
      Ids: [1, 2],
    });
  });

  it('keep their order beyond ten', () => {
    const query = Array.from({ length: 12 }, (_, at) => `FileIds.${at}=${at}`).join('&');
    expect(parametersOfQuery(query, table).FileIds).toEqual(Array.from({ length: 12 }, (_, at) => String(at)));
  });

  it('that are no numbers stay what they are, to be refused', () => {
    expect(() => checkParameters(parametersOfQuery('FileIds.0=a&Limit=many', table), table)).toThrow(/Limit/);
  });

  it.each(['FileIds=a&FileIds.0=b', 'FileIds.0=b&FileIds.0.x=c'])(
    'that contradict themselves are refused: %s',
    (query) => {
      expect(() => checkParameters(parametersOfQuery(query, table), table)).toThrow();
    },
  );

  it('touch nothing outside of themselves', () => {
    expect(() => checkParameters(parametersOfQuery('__proto__.polluted=1&FileIds.0=a', table), table)).toThrow(
      /__proto__/,
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

it('counts null as absent', () => {
  expect(checkParameters({ Limit: null }, { Limit: 'integer' })).toEqual({});
  expect(() => checkParameters({ Limit: null }, { Limit: 'integer!' })).toThrow(/missing/);
});

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DOCUMENTED_RATE } from '../../src/contract/vendor-limits.js';
import { SUBMIT_ACTION } from '../../src/tencent-vod/rates.js';

const text = readFileSync(new URL('../../docs/cam.md', import.meta.url), 'utf8');
const CALLED = [...Object.keys(DOCUMENTED_RATE), SUBMIT_ACTION].map((action) => `vod:${action}`).toSorted();

interface Policy {
  version: string;
  statement: { effect: string; action: string[]; resource: string[] }[];
}

const policies = new Map(
  [...text.matchAll(/^## (\w+)$[\s\S]*?```json\n([\s\S]*?)```/gm)].map(([, name, json]) => [
    name as string,
    JSON.parse(json as string) as Policy,
  ]),
);
const actionsOf = (name: string) => (policies.get(name)?.statement ?? []).flatMap(({ action }) => action).toSorted();

describe('docs/cam.md', () => {
  it('gives the worker every action that the program calls, and no other', () => {
    expect([...policies.keys()]).toEqual(['Worker', 'Reader', 'Publisher']);
    expect(actionsOf('Worker')).toEqual(CALLED);
  });

  it('gives nobody else the right to spend', () => {
    for (const role of ['Reader', 'Publisher']) {
      expect(actionsOf(role)).not.toContain('vod:ProcessMediaByMPS');
      expect(CALLED).toEqual(expect.arrayContaining(actionsOf(role)));
    }
  });

  it('says the same in its table', () => {
    const rows = [...text.matchAll(/^\| `(vod:\w+)` \|[^|]*\| ?(●?) ?\| ?(●?) ?\| ?(●?) ?\|$/gm)];
    expect(rows.map(([, action]) => action).toSorted()).toEqual(CALLED);
    for (const [at, role] of ['Worker', 'Reader', 'Publisher'].entries()) {
      const marked = rows.filter((row) => row[at + 2] === '●').map(([, action]) => action);
      expect(marked.toSorted()).toEqual(actionsOf(role));
    }
  });
});

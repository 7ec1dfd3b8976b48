import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Contract,
  type ContractLock,
  changes,
  contractNow,
  contractParagraphs,
  lockOf,
  newestRelease,
  untold,
} from '../../tools/contract.js';

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const LOCK = JSON.parse(read('contract.lock.json')) as ContractLock;
const CHANGELOG = read('CHANGELOG.md');

let now: Contract;

beforeAll(async () => {
  now = await contractNow();
});

describe('the contract', () => {
  it('has changed since the last release only where the changelog says so', () => {
    expect(untold(LOCK, now, CHANGELOG)).toEqual([]);
  });

  it('is compared with the last release: after one, run `npx tsx tools/make-contract-lock.ts`', () => {
    expect(LOCK.release).toBe(newestRelease(CHANGELOG));
  });

  it('has every kind of name in it', () => {
    const entries = Object.keys(now);
    for (const entry of [
      'workflow erase',
      'queue smart-erase-submit-batch',
      'activity submitErase',
      'activity id await-task',
      'update retry',
      'update of a batch go',
      'query status',
      'memo eraseHold',
      'search attribute ErasePhase',
      'phase held',
      'event erase.held',
      'recipe subtitles',
      'error class input',
      'vendor code UnauthorizedOperation',
      'code NeverPay',
      'code SubAppNotAllowed',
      'exit code 10',
      'error EraseFailedError',
      'setting VOD_SUBMIT_RPS',
      'metric smart_erase_submits_total',
      'metric smart_erase_batch_items',
      'entry point ./client',
      'schema erase-request.schema.json',
    ]) {
      expect(entries).toContain(entry);
    }
  });

  it('is the same whenever it is read', async () => {
    expect(await contractNow()).toEqual(now);
  });
});

describe('a change', () => {
  const changelog = (...unreleased: string[]) =>
    `# Changelog\n\n## Unreleased\n\n${unreleased.join('\n\n')}\n\n## 0.1.0\n\nx\n`;
  /** A lock of now, with nothing told yet. */
  const locked = (text = changelog()) => lockOf(now, text);
  const renamed = () => {
    const { 'update retry': retry = '', ...others } = now;
    return { ...others, 'update again': retry };
  };

  it('is none as long as nothing changes', () => {
    expect(untold(locked(), now, changelog())).toEqual([]);
  });

  it.each([
    ['a name that is new', () => ({ ...now, 'queue other': '' }), [/^`queue other` is new/]],
    ['a name that changed', renamed, [/^`update again` is new/, /^`update retry` is gone/]],
    [
      'a class with another exit code',
      () => ({ ...now, 'error class input': 'submit: fail, read: fail, exit code 6' }),
      [/^`error class input` was "[^"]+exit code 3" and is "[^"]+exit code 6"/],
    ],
    [
      'a schema with another field',
      () => ({ ...now, 'schema erase-result.schema.json': 'another' }),
      [/^`schema erase-result.schema.json` was/],
    ],
  ])('is told of %s', (_what, changed, sentences) => {
    const found = untold(locked(), changed(), changelog('- Something else.'));
    expect(found).toHaveLength(sentences.length);
    for (const [index, sentence] of sentences.entries()) expect(found[index]).toMatch(sentence);
  });

  it('is taken when the unreleased section names each entry, in a paragraph about the contract', () => {
    const told = changelog('- Renamed. **Contract**: `update retry` is\n  now `update again`.', '- `queue other`');
    expect(untold(locked(), renamed(), told)).toEqual([]);
    const other = { ...now, 'queue other': '' };
    expect(untold(locked(), other, told)).toHaveLength(1);
    expect(untold(locked(), other, changelog('- **Contract**: the queue other'))).toHaveLength(1);
  });

  it('is not excused by what was written before the lock, or for a release', () => {
    const before = changelog('- **Contract**: `update retry` and `update again` are here.');
    expect(untold(locked(before), renamed(), before)).toHaveLength(2);
    const released = before.replace('## Unreleased', '## Unreleased\n\n## 0.2.0');
    expect(untold(locked(), renamed(), released)).toHaveLength(2);
    expect(contractParagraphs(released)).toEqual([]);
    expect(newestRelease(released)).toBe('0.2.0');
  });

  it('of the real code is seen: without any one entry of the lock', () => {
    for (const entry of Object.keys(now)) {
      const { [entry]: _gone, ...others } = now;
      expect(changes(now, others)).toEqual([{ entry, what: 'is gone' }]);
    }
  });
});

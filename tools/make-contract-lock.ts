/**
 * Writes contract.lock.json, with which a test compares the contract until the next release. `npx tsx
 * tools/make-contract-lock.ts`, once a release: after its section in CHANGELOG.md was named.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ContractLock, contractNow, lockOf } from './contract.js';

const LOCK = fileURLToPath(new URL('../contract.lock.json', import.meta.url));
const CHANGELOG = fileURLToPath(new URL('../CHANGELOG.md', import.meta.url));

const lock = lockOf(await contractNow(), readFileSync(CHANGELOG, 'utf8'));
const before = existsSync(LOCK) ? (JSON.parse(readFileSync(LOCK, 'utf8')) as ContractLock) : undefined;
if (before !== undefined && before.release === lock.release) {
  console.error(
    `contract.lock.json is that of ${lock.release ?? 'the time before the first release'}, and CHANGELOG.md has no newer ` +
      'release: nothing was written. What changes until then stands in the changelog, not here.',
  );
  process.exitCode = 1;
} else {
  writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
}

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'ini';
import { completePair, type KeyPair, keyPairProblem } from './vendor-credentials.js';

/** Where the vendor's SDKs look, in this order; the first that is there is read, and no other. */
export function credentialFiles(home: string = homedir()): string[] {
  return [join(home, '.tencentcloud', 'credentials'), '/etc/tencentcloud/credentials'];
}

/**
 * The profile `default` of the vendor's credential file; null when there is none, or it has no pair.
 * @throws Error when the file is there and cannot be read
 */
export function readCredentialFile(paths: readonly string[] = credentialFiles()): (KeyPair & { file: string }) | null {
  for (const file of paths) {
    const text = textOf(file);
    if (text === null) continue;
    const { default: profile } = parse(text) as { default?: Record<string, unknown> };
    const { secret_id: secretId, secret_key: secretKey, token } = Object(profile) as Record<string, unknown>;
    const pair = completePair({ secretId, secretKey, token });
    return pair === null ? null : { ...pair, file };
  }
  return null;
}

/** What is wrong with the keys in that file, in sentences that begin with its name. One that cannot be read is told when it is asked. */
export function credentialFileProblems(paths?: readonly string[]): string[] {
  try {
    const found = readCredentialFile(paths);
    const problem = found === null ? null : keyPairProblem(found);
    return found === null || problem === null ? [] : [`${found.file}: ${problem}`];
  } catch {
    return [];
  }
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

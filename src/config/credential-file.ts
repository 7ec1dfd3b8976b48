import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'ini';
import { completePair, type KeyPair, keyPairProblem } from './vendor-credentials.js';

/** The credential files of the vendor's SDKs, in their order; only the first existing one is read. */
export function credentialFiles(home: string = homedir()): string[] {
  return [join(home, '.tencentcloud', 'credentials'), '/etc/tencentcloud/credentials'];
}

/**
 * The profile `default` of the vendor's credential file; null when there is none, or it has no key pair.
 * @throws Error when an existing file is unreadable
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

/** Problems of the keys in that file, in sentences that begin with its name. An unreadable file is reported at its first use. */
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

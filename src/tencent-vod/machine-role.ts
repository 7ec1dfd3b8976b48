import { Agent, get } from 'node:http';
import { completePair } from '../config/vendor-credentials.js';
import type { CredentialSource, FoundCredentials } from './credential-source.js';

/** Available only on machines of Tencent Cloud. Source: the vendor's SDK, and its document on instance metadata. */
export const METADATA_URL = 'http://metadata.tencentyun.com';
const ROLE_PATH = '/latest/meta-data/cam/security-credentials/';
/** Timeout of each of the two requests, in milliseconds: elsewhere the address never answers. Ours. */
const REQUEST_TIMEOUT_MS = 5_000;
/** A response is about a kilobyte. */
const LONGEST_ANSWER = 64 * 1024;
const ROLE_NAME = /^[\w+=,.@-]{1,128}$/;

/**
 * Credentials of the machine's role, from its metadata service. Does not use the SDK, which follows `http_proxy`: a proxy could
 * read or replace the credentials.
 */
export class MachineRole implements CredentialSource {
  readonly name = 'the metadata service';
  #role: string | null = null;

  constructor(private readonly url: string = METADATA_URL) {}

  async ask(): Promise<FoundCredentials | null> {
    try {
      this.#role ??= await this.#roleName();
      if (this.#role === null) return null;
      const answer = await this.#get(ROLE_PATH + this.#role);
      // The machine's role may have been changed.
      if (answer === null) throw new Error(`knows no role ${this.#role}`);
      return credentialsIn(answer);
    } catch (error) {
      if (!isLate(error)) this.#role = null;
      throw error;
    }
  }

  async #roleName(): Promise<string | null> {
    const answer = await this.#get(ROLE_PATH);
    const name = answer?.trim().split(/\s+/)[0] ?? '';
    if (name === '') return null;
    if (!ROLE_NAME.test(name)) throw new Error('answered with what is no name of a role');
    return name;
  }

  /** Null for "not found". */
  #get(path: string): Promise<string | null> {
    return new Promise((resolve, reject) => {
      // A separate agent, since the global one may use a proxy.
      const request = get(new URL(path, this.url), {
        agent: new Agent({ keepAlive: false }),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      request.on('error', (error) => reject(isLate(error) ? lateError(error) : error));
      request.on('response', (answer) => {
        const status = answer.statusCode ?? 0;
        if (status !== 200) {
          answer.destroy();
          if (status === 404) resolve(null);
          else reject(new Error(`answered ${status}`));
          return;
        }
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          if (text.length > LONGEST_ANSWER) answer.destroy(new Error('answered with too much'));
        });
        answer.on('error', (error) => reject(isLate(error) ? lateError(error) : error));
        answer.on('end', () => resolve(text));
      });
    });
  }
}

const LATE = 'did not answer in time';

function lateError(cause: unknown): Error {
  return new Error(LATE, { cause });
}

function isLate(error: unknown): boolean {
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  return name === 'TimeoutError' || name === 'AbortError' || code === 'ABORT_ERR' || message === LATE;
}

/** The response contains the key, so no part of it may go into the error. */
function credentialsIn(text: string): FoundCredentials {
  let answer: Record<string, unknown>;
  try {
    answer = Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    throw new Error('answered with what is no JSON');
  }
  if (answer.Code !== 'Success') throw new Error('has no credentials for the role');
  const credentials = completePair({
    secretId: answer.TmpSecretId,
    secretKey: answer.TmpSecretKey,
    token: answer.Token,
  });
  const seconds = Number(answer.ExpiredTime);
  if (credentials === null || !Number.isFinite(seconds)) throw new Error('answered without a key, or without its end');
  return { credentials, until: seconds * 1_000 };
}

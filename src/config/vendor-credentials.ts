import { unfitWords } from './fit-value.js';

/** A key pair of the vendor, from any source. */
export interface KeyPair {
  secretId: string;
  secretKey: string;
  /** Token of temporary credentials. */
  token?: string;
}

/** Names of the token of temporary credentials in the vendor's own programs. All are read; the first is ours. */
export const TOKEN_VARIABLES = [
  'TENCENTCLOUD_TOKEN',
  'TENCENTCLOUD_SESSION_TOKEN',
  'TENCENTCLOUD_SECURITY_TOKEN',
] as const;

type Environment = Readonly<Record<string, unknown>>;

/** The token, and the variable in which it was found. */
export function givenToken(env: Environment): { name: string; token: string } | null {
  for (const name of TOKEN_VARIABLES) {
    const token = env[name];
    if (typeof token === 'string' && token !== '') return { name, token };
  }
  return null;
}

/** Variables with different tokens, which is ambiguous. */
export function differingTokens(env: Environment): string[] {
  const given = TOKEN_VARIABLES.filter((name) => typeof env[name] === 'string' && env[name] !== '');
  return new Set(given.map((name) => env[name])).size > 1 ? given : [];
}

/** From the environment alone; null unless both parts are set. */
export function keyPairOf(env: Environment): KeyPair | null {
  return completePair({
    secretId: env.TENCENTCLOUD_SECRET_ID,
    secretKey: env.TENCENTCLOUD_SECRET_KEY,
    token: givenToken(env)?.token,
  });
}

/** A pair from a source; null unless both parts are there. */
export function completePair(given: { secretId?: unknown; secretKey?: unknown; token?: unknown }): KeyPair | null {
  const { secretId, secretKey, token } = given;
  if (typeof secretId !== 'string' || typeof secretKey !== 'string' || secretId === '' || secretKey === '') return null;
  return typeof token === 'string' && token !== '' ? { secretId, secretKey, token } : { secretId, secretKey };
}

/** Why the pair cannot sign a call, without showing any of it; null when it can. */
export function keyPairProblem({ secretId, secretKey, token }: KeyPair): string | null {
  const parts = { 'the secret id': secretId, 'the secret key': secretKey, 'the token': token ?? '' };
  for (const [name, value] of Object.entries(parts)) {
    const words = unfitWords(value, { plain: true });
    if (words !== null) return `${name} ${words}`;
  }
  return null;
}

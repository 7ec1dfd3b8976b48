import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { ApiError } from './api-error.js';
import type { SimulatorCredential } from './options.js';

const ALGORITHM = 'TC3-HMAC-SHA256';
const TERMINATOR = 'tc3_request';
/** Signing document: a timestamp more than five minutes from the server's time is refused. */
const MAX_SKEW_SECONDS = 300;

/** The signed parts of an HTTP request. Header names are lower case. */
export interface SignedRequest {
  method: string;
  path: string;
  /** Without the question mark, as sent. */
  query: string;
  headers: Record<string, string | undefined>;
  body: Buffer;
}

interface Authorization {
  secretId: string;
  date: string;
  service: string;
  signedHeaders: string[];
  signature: string;
}

/**
 * Checks a TC3-HMAC-SHA256 signature against the service in the request's own scope, since a client derives it from the endpoint
 * address. Returns the credential that signed.
 *
 * Throws {@link ApiError} with the codes of the signing document.
 */
export function verifySignature(
  request: SignedRequest,
  credentials: readonly SimulatorCredential[],
  nowMs: number,
): SimulatorCredential {
  const authorization = parseAuthorization(request.headers.authorization);
  const timestamp = readTimestamp(request.headers['x-tc-timestamp']);
  const credential = credentials.find(({ secretId }) => secretId === authorization.secretId);
  if (!credential) throw new ApiError('AuthFailure.SecretIdNotFound', 'The SecretId is not found.');
  if (Math.abs(nowMs / 1000 - timestamp) > MAX_SKEW_SECONDS)
    throw new ApiError(
      'AuthFailure.SignatureExpire',
      `The provided credentials have expired: X-TC-Timestamp is more than ${MAX_SKEW_SECONDS} seconds from the server's time.`,
    );
  if (authorization.date !== new Date(timestamp * 1000).toISOString().slice(0, 10))
    throw signatureFailure('the date in the credential scope is not the UTC date of X-TC-Timestamp');
  if ((request.headers['x-tc-token'] ?? '') !== (credential.token ?? ''))
    throw new ApiError('AuthFailure.TokenFailure', 'The token in X-TC-Token is not valid for this SecretId.');

  const given = Buffer.from(authorization.signature, 'hex');
  const matches = hostSpellings(request.headers.host ?? '').some((host) => {
    const expected = sign(request, { ...authorization, timestamp, host }, credential.secretKey);
    return expected.length === given.length && timingSafeEqual(expected, given);
  });
  if (!matches) throw signatureFailure('the signature that we computed is another one');
  return credential;
}

export interface SigningScope {
  date: string;
  service: string;
  timestamp: number;
  /** In the signed order. */
  signedHeaders: readonly string[];
  /** Value of `host` in the canonical headers. */
  host: string;
}

/** The signature's bytes, from the steps of the signing document: canonical request, string to sign, derived key. */
export function sign(request: SignedRequest, scope: SigningScope, secretKey: string): Buffer {
  const canonicalHeaders = scope.signedHeaders
    .map((name) => `${name}:${canonicalValue(name === 'host' ? scope.host : (request.headers[name] ?? ''))}\n`)
    .join('');
  const canonicalRequest = [
    request.method,
    request.path,
    request.method === 'GET' ? request.query : '',
    canonicalHeaders,
    scope.signedHeaders.join(';'),
    sha256(request.method === 'GET' ? '' : request.body),
  ].join('\n');
  const stringToSign = [
    ALGORITHM,
    String(scope.timestamp),
    `${scope.date}/${scope.service}/${TERMINATOR}`,
    sha256(canonicalRequest),
  ].join('\n');
  const dateKey = hmac(`TC3${secretKey}`, scope.date);
  const serviceKey = hmac(dateKey, scope.service);
  return hmac(hmac(serviceKey, TERMINATOR), stringToSign);
}

function parseAuthorization(header: string | undefined): Authorization {
  const match =
    /^TC3-HMAC-SHA256 +Credential=([^/,\s]+)\/(\d{4}-\d\d-\d\d)\/([^/,\s]+)\/tc3_request *, *SignedHeaders=([a-z0-9;_-]+) *, *Signature=([0-9a-f]{64})$/.exec(
      header ?? '',
    );
  if (!match)
    throw new ApiError(
      'AuthFailure.InvalidAuthorization',
      'The Authorization header is missing or is not of the form that TC3-HMAC-SHA256 asks for.',
    );
  const [, secretId = '', date = '', service = '', names = '', signature = ''] = match;
  const signedHeaders = names.split(';');
  for (const needed of ['content-type', 'host'])
    if (!signedHeaders.includes(needed)) throw signatureFailure(`the header ${needed} is not signed`);
  if (signedHeaders.some((name, at) => at > 0 && name <= (signedHeaders[at - 1] ?? '')))
    throw signatureFailure('the signed headers are not in ascending order');
  return { secretId, date, service, signedHeaders, signature };
}

function readTimestamp(header: string | undefined): number {
  if (header === undefined || header === '')
    throw new ApiError('MissingParameter', 'The request is missing a required parameter `Timestamp`.');
  if (!/^\d{1,11}$/.test(header))
    throw new ApiError('InvalidParameter', 'The parameter `Timestamp` is not a whole number of seconds.');
  return Number(header);
}

/** The official Node SDK signs a local address without its port, the Python and Go ones with it. */
function hostSpellings(host: string): string[] {
  const bare = host.replace(/:\d+$/, '');
  return bare === host ? [host] : [host, bare];
}

/** The document requires lower-case header values without surrounding blanks. */
const canonicalValue = (value: string) => value.trim().toLowerCase();

const signatureFailure = (why: string) =>
  new ApiError(
    'AuthFailure.SignatureFailure',
    `The provided credentials could not be validated, please check your signature: ${why}.`,
  );

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();

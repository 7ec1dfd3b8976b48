import { proxyHint } from '../config/proxy-variables.js';
import { shortText, shortWord } from '../contract/text.js';
import { classOfCode, findErrorCode } from './error-codes.js';
import type { VodAction } from './rates.js';
import { VodError } from './vod-error.js';

/** Errors of the SDK: its own exception in most cases, node-fetch's for an invalid body, a TypeError for `{}`. */
interface Thrown {
  code?: unknown;
  message?: unknown;
  requestId?: unknown;
  httpCode?: unknown;
  type?: unknown;
  name?: unknown;
}

/** Thrown by node-fetch or Node before anything is sent. They quote the header. */
const ILLEGAL_HEADER = /is not a legal HTTP header|Invalid character in header content|Invalid value ".*" for header/s;

/**
 * Errno and texts in the messages of network errors, in order of precedence. The SDK drops the cause and the code of a network
 * error; only the message of node-fetch remains (`… failed, reason: read ECONNRESET`).
 */
const NETWORK_PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/getaddrinfo ENOTFOUND/, 'ENOTFOUND'],
  [/getaddrinfo EAI_AGAIN/, 'EAI_AGAIN'],
  [/connect ETIMEDOUT/, 'connect-timeout'],
  [/ECONNREFUSED/, 'ECONNREFUSED'],
  [/EHOSTUNREACH/, 'EHOSTUNREACH'],
  [/ENETUNREACH/, 'ENETUNREACH'],
  [/ENETDOWN/, 'ENETDOWN'],
  [/EADDRNOTAVAIL/, 'EADDRNOTAVAIL'],
  [/EMFILE/, 'EMFILE'],
  [/before secure TLS connection was established/, 'tls'],
  [/self[- ]signed certificate|unable to (verify|get)( the)? .*certificate|certificate has expired|altnames/i, 'tls'],
  [/wrong version number|handshake failure|unsupported protocol|alert protocol version/i, 'tls'],
  [/ECONNRESET/, 'ECONNRESET'],
  [/EPIPE/, 'EPIPE'],
  [/ETIMEDOUT/, 'ETIMEDOUT'],
  [/network timeout at:|Response timeout while/, 'timeout'],
  [/Premature close|\baborted\b/, 'cut-body'],
  [/socket hang up/, 'hang-up'],
];

/** Maximum length of the vendor's code and message in an error. Ours: several times its longest. */
const LONGEST_WORD = 200;
const LONGEST_SAID = 500;

/** Errors without any connection; direct access may be blocked where a proxy is expected. */
const NOT_CONNECTED: readonly string[] = [
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'connect-timeout',
];

/** Classifies an SDK error. `secrets` are removed from every text. */
export function classify(action: VodAction, thrown: unknown, secrets: readonly string[] = []): VodError {
  if (thrown instanceof VodError) {
    return thrown;
  }
  const error: Thrown = typeof thrown === 'object' && thrown !== null ? thrown : { message: String(thrown) };
  const text = hideSecrets(typeof error.message === 'string' ? error.message : '', secrets);
  const requestId = nonEmpty(error.requestId);
  const httpStatus = typeof error.httpCode === 'number' ? error.httpCode : null;
  const code = codeOf(error, text, requestId !== null);
  const said = code === 'illegal-header' ? '' : httpStatus === null ? text : `HTTP ${httpStatus} ${text}`.trim();
  return vodError({ action, code, said, requestId, httpStatus });
}

/** An error with the class of its code in the table. */
export function vodError(fields: {
  action: VodAction;
  code: string;
  /** The message of the vendor or the network. */
  said?: string;
  requestId?: string | null;
  httpStatus?: number | null;
}): VodError {
  const { action, code, said = '', requestId = null, httpStatus = null } = fields;
  const line = findErrorCode(code, action)?.line ?? 'This code is not known here.';
  const quoted = said === '' ? '' : ` (${shortText(said, LONGEST_SAID)})`;
  const id = requestId === null ? '' : ` RequestId ${requestId}.`;
  const proxy = NOT_CONNECTED.includes(code) ? proxyHint() : '';
  return new VodError({
    class: classOfCode(code, action),
    action,
    code,
    message: `${action}: ${code}: ${line}${quoted}${id}${proxy}`,
    requestId,
    httpStatus,
  });
}

function codeOf(error: Thrown, text: string, answered: boolean): string {
  if (typeof error.httpCode === 'number') {
    return `http-${error.httpCode}`;
  }
  if (error.type === 'invalid-json') {
    return 'bad-json';
  }
  if (error.type === 'body-timeout' || error.type === 'request-timeout') {
    return 'timeout';
  }
  // A FetchError's code is an errno; only the SDK's exception has a vendor code.
  const vendorCode = error.name === 'FetchError' ? null : nonEmpty(error.code);
  if (vendorCode !== null && !/^(E[A-Z_]+|ERR_\w+)$/.test(vendorCode)) {
    return vendorCode;
  }
  if (!answered && ILLEGAL_HEADER.test(text)) return 'illegal-header';
  if (error instanceof TypeError || answered) {
    return 'no-response';
  }
  for (const [pattern, code] of NETWORK_PATTERNS) {
    if (pattern.test(text)) {
      return code;
    }
  }
  return 'network';
}

function nonEmpty(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? shortWord(value, LONGEST_WORD) : null;
}

function hideSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= 4)
    .reduce((hidden, secret) => hidden.replaceAll(secret, '***'), text);
}

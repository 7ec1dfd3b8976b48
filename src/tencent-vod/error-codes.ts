import type { ErrorClass } from '../contract/error-classes.js';
import type { VodAction } from './rates.js';

/**
 * Every code of a vendor call, and its class. Only this table classifies codes, and docs/errors.md is generated from it. Source:
 * error lists of the VOD API documents (2018-07-17) and "Common error codes".
 */
export interface ErrorCodeRow {
  /** A code; or, with `*` at the end, a prefix for all codes without a row of their own. */
  readonly code: string;
  readonly class: ErrorClass;
  /** Applies to this action only, and precedes the row without one. */
  readonly only?: VodAction;
  /** One line for a person. */
  readonly line: string;
}

const row = (code: string, errorClass: ErrorClass, line: string, only?: VodAction): ErrorCodeRow => ({
  code,
  class: errorClass,
  line,
  ...(only === undefined ? {} : { only }),
});

export const ERROR_CODES: readonly ErrorCodeRow[] = [
  row('FailedOperation', 'ambiguous', 'The operation failed; the vendor does not say how far it came.'),
  row('FailedOperation.InvalidVodUser', 'account', 'VOD is not activated for this account.'),
  row('FailedOperation.InvalidAccount', 'account', 'The account is invalid; look at its state in the console.'),
  row('FailedOperation.NoPrivileges', 'account', 'The account has no right to this feature.'),
  row('FailedOperation.UserStatusInavlid', 'account', 'The account is frozen or stopped; payment may be overdue.'),
  row('FailedOperation.Media*', 'input', 'The media file is of a kind or in a state that cannot be processed.'),
  row('FailedOperation.TaskDuplicate', 'duplicate', 'The vendor already has such a task.'),
  row('InternalError', 'ambiguous', 'An error inside the vendor; the call may have been executed.'),
  row('InternalError.*', 'ambiguous', 'An error inside the vendor; the call may have been executed.'),
  row('ServiceUnavailable', 'ambiguous', 'The service is not available; the call may have been executed.'),

  row('UnauthorizedOperation', 'account', 'The CAM policy or the internal test does not cover this call.'),
  row('InvalidParameterValue.SubAppId', 'account', 'The sub-application does not exist, or these keys may not use it.'),
  row('AuthFailure', 'account', 'The credentials were not accepted.'),
  row('AuthFailure.*', 'account', 'The credentials were not accepted.'),
  row('AuthFailure.SignatureExpire', 'account', "This machine's clock is off by more than five minutes."),
  row('AuthFailure.SignatureFailure', 'account', 'The secret key does not belong to the secret id.'),
  row('AuthFailure.SecretIdNotFound', 'account', 'The secret id does not exist, or was switched off.'),
  row('AuthFailure.TokenFailure', 'account', 'The temporary token has expired, or does not belong to the keys.'),
  row('AuthFailure.UnauthorizedOperation', 'account', 'The CAM policy does not allow this call.'),
  row('AuthFailure.MFAFailure', 'account', 'The keys need multi-factor authentication.'),
  row('AuthFailure.InvalidSecretId', 'account', 'The secret id is not one of the cloud API.'),
  row('AuthFailure.InvalidAuthorization', 'account', 'The signature header was not understood.'),
  row('IpInBlacklist', 'account', "This machine's address is on the account's block list."),
  row('IpNotInWhitelist', 'account', "This machine's address is not on the account's allow list."),

  row('InvalidParameter', 'input', 'A parameter is wrong.'),
  row('InvalidParameterValue', 'input', 'The value of a parameter is wrong.'),
  row('InvalidParameterValue.*', 'input', 'The value of a parameter is wrong; the code names it.'),
  row('InvalidParameterValue.FileId', 'input', 'There is no such file in this sub-application.'),
  row('InvalidParameterValue.SessionId', 'duplicate', 'A request with the same session id came before this one.'),
  row('MissingParameter', 'input', 'A parameter is missing.'),
  row('UnknownParameter', 'input', 'A parameter is not known to this version of the API.'),
  row('RequestSizeLimitExceeded', 'input', 'The request is too large.'),
  row('ResponseSizeLimitExceeded', 'input', 'The answer would be too large; ask for less.'),
  row('Unsupported*', 'input', 'The operation, protocol or region is not supported.'),
  row('UnsupportedOperation', 'input', 'The operation is not supported for this resource.'),
  row('UnsupportedProtocol', 'input', 'The protocol is not supported.'),
  row('UnsupportedRegion', 'input', 'The region is not supported.'),
  row('InvalidAction', 'input', 'The API has no such action; look at VOD_ENDPOINT.'),
  row('InvalidRequest', 'input', 'The request was not understood.'),
  row('NoSuchProduct', 'input', 'The endpoint does not serve this product; look at VOD_ENDPOINT.'),
  row('NoSuchVersion', 'input', 'The endpoint does not serve this version of the API.'),
  row('ActionOffline', 'input', 'The vendor took this action out of service.'),
  row('DryRunOperation', 'input', 'The request was a dry run.'),

  row('RequestLimitExceeded', 'throttled', 'Too many calls a second.'),
  row('RequestLimitExceeded.IPLimitExceeded', 'throttled', 'Too many calls a second from this address.'),
  row('RequestLimitExceeded.UinLimitExceeded', 'throttled', 'Too many calls a second by this account.'),
  row('RequestLimitExceeded.GlobalRegionUinLimitExceeded', 'throttled', 'Too many calls a second by this account.'),
  row('ResourceInsufficient', 'throttled', 'The vendor has no capacity at the moment.'),
  row('ResourceUnavailable', 'throttled', 'The resource is not available at the moment.'),
  row('LimitExceeded', 'throttled', 'A quota of the account is used up.'),
  row('ResourceInUse', 'retry', 'The resource is busy with something else.'),
  row('ResourceNotFound', 'input', 'There is no such resource.'),
  row(
    'ResourceNotFound',
    'retry',
    'The task cannot be read yet; or it was submitted more than three days ago, and is forgotten.',
    'DescribeTaskDetail',
  ),
];

/** Codes of a VodError without a readable response. */
export const NETWORK_CODES: readonly ErrorCodeRow[] = [
  row('ENOTFOUND', 'retry', 'The name of the endpoint cannot be resolved; nothing was sent.'),
  row('EAI_AGAIN', 'retry', 'The name server does not answer; nothing was sent.'),
  row('ECONNREFUSED', 'retry', 'Nothing listens at the endpoint; nothing was sent.'),
  row('EHOSTUNREACH', 'retry', 'There is no way to the endpoint; nothing was sent.'),
  row('ENETUNREACH', 'retry', 'There is no way to the endpoint; nothing was sent.'),
  row('ENETDOWN', 'retry', 'The network of this machine is down; nothing was sent.'),
  row('EADDRNOTAVAIL', 'retry', 'This machine has no port left to connect from; nothing was sent.'),
  row('EMFILE', 'retry', 'This process has too many files and sockets open; nothing was sent.'),
  row('connect-timeout', 'retry', 'The endpoint does not answer to a connection; nothing was sent.'),
  row('tls', 'retry', 'No secure connection could be made; nothing was sent.'),
  row(
    'illegal-header',
    'retry',
    'The key, the token or a header has characters that no header may have; nothing was sent.',
  ),
  row('credentials-away', 'retry', 'There are no credentials at the moment; nothing was sent.'),
  row('credentials-timeout', 'retry', 'The credentials could not be fetched in time; nothing was sent.'),
  row('ECONNRESET', 'ambiguous', 'The connection was reset after the request may have gone out.'),
  row('EPIPE', 'ambiguous', 'The connection was closed while the request went out.'),
  row('ETIMEDOUT', 'ambiguous', 'The connection went dead after the request may have gone out.'),
  row('hang-up', 'ambiguous', 'The connection was closed without an answer.'),
  row('timeout', 'ambiguous', 'No whole answer came in time.'),
  row('cut-body', 'ambiguous', 'The answer ended in the middle.'),
  row('bad-json', 'ambiguous', 'The answer is not JSON.'),
  row('no-response', 'ambiguous', 'The answer has no Response, or an error without a code.'),
  row('no-task-id', 'ambiguous', 'The answer to the submit has no TaskId.'),
  row('http-*', 'ambiguous', 'The answer has an HTTP status other than 200, which the API itself never gives.'),
  row('network', 'ambiguous', 'The connection failed in a way that is not known here.'),
  row(
    'NoCredentials',
    'configuration',
    'No credentials were found: set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY.',
  ),
  row('TooMany', 'input', 'More items than the vendor takes in one call.'),
  row('bad-answer', 'badAnswer', 'A field of the answer is missing, or of another kind than documented.'),
];

const ALL_ROWS = [...ERROR_CODES, ...NETWORK_CODES];

/** The row of a code; null when neither the code nor the part before its dot is known. */
export function findErrorCode(code: string, action?: VodAction): ErrorCodeRow | null {
  return exactRow(code, action) ?? patternRow(code) ?? prefixRow(code, action);
}

/** The class of a code. An unknown code may mean that the call was executed. */
export function classOfCode(code: string, action?: VodAction): ErrorClass {
  return findErrorCode(code, action)?.class ?? 'ambiguous';
}

function exactRow(code: string, action?: VodAction): ErrorCodeRow | null {
  const rows = ALL_ROWS.filter((candidate) => candidate.code === code);
  return rows.find(({ only }) => only !== undefined && only === action) ?? rows.find(({ only }) => !only) ?? null;
}

/** The longest matching pattern. */
function patternRow(code: string): ErrorCodeRow | null {
  const fitting = ALL_ROWS.filter(
    (candidate) => candidate.code.endsWith('*') && code.startsWith(candidate.code.slice(0, -1)),
  );
  return fitting.sort((a, b) => b.code.length - a.code.length)[0] ?? null;
}

function prefixRow(code: string, action?: VodAction): ErrorCodeRow | null {
  const dot = code.indexOf('.');
  return dot < 0 ? null : exactRow(code.slice(0, dot), action);
}

/** Refusals of one sub-application; every other refusal of class `account` affects everything that these keys can access. */
const OF_ONE_SUB_APP: readonly string[] = ['InvalidParameterValue.SubAppId', 'UnauthorizedOperation'];

/** Whether a refusal of class `account` affects one sub-application only. */
export function concernsOneSubApp(code: string): boolean {
  return OF_ONE_SUB_APP.includes(code);
}

import { describe, expect, test } from 'vitest';
import { ERROR_CLASSES, type ErrorClass } from '../../src/contract/error-classes.js';
import { classOfCode, ERROR_CODES, findErrorCode, NETWORK_CODES } from '../../src/tencent-vod/error-codes.js';
import type { VodAction } from '../../src/tencent-vod/rates.js';

/** Every code of the vendor's lists, one by one, and what it has to be: written out again, so that the table is checked. */
const EXPECTED: Readonly<Partial<Record<ErrorClass, readonly string[]>>> = {
  ambiguous: [
    'FailedOperation',
    'InternalError',
    'InternalError.DBError',
    'InternalError.Anything',
    'ServiceUnavailable',
  ],
  account: [
    'FailedOperation.InvalidVodUser',
    'FailedOperation.InvalidAccount',
    'FailedOperation.NoPrivileges',
    'FailedOperation.UserStatusInavlid',
    'UnauthorizedOperation',
    'InvalidParameterValue.SubAppId',
    'AuthFailure',
    'AuthFailure.SignatureExpire',
    'AuthFailure.SignatureFailure',
    'AuthFailure.SecretIdNotFound',
    'AuthFailure.TokenFailure',
    'AuthFailure.UnauthorizedOperation',
    'AuthFailure.SomethingNew',
    'IpInBlacklist',
    'IpNotInWhitelist',
  ],
  input: [
    'InvalidParameter',
    'InvalidParameterValue',
    'InvalidParameterValue.FileId',
    'InvalidParameterValue.SessionIdTooLong',
    'InvalidParameterValue.SomethingNew',
    'InvalidParameter.SomethingNew',
    'MissingParameter',
    'UnknownParameter',
    'FailedOperation.MediaType',
    'FailedOperation.MediaForbidedBySystem',
    'RequestSizeLimitExceeded',
    'ResponseSizeLimitExceeded',
    'UnsupportedOperation',
    'UnsupportedProtocol',
    'UnsupportedRegion',
    'InvalidAction',
    'InvalidRequest',
    'NoSuchProduct',
    'NoSuchVersion',
    'ActionOffline',
    'DryRunOperation',
    'ResourceNotFound',
    'ResourceNotFound.TemplateNotExist',
  ],
  duplicate: ['InvalidParameterValue.SessionId', 'FailedOperation.TaskDuplicate'],
  throttled: [
    'RequestLimitExceeded',
    'RequestLimitExceeded.IPLimitExceeded',
    'RequestLimitExceeded.UinLimitExceeded',
    'RequestLimitExceeded.GlobalRegionUinLimitExceeded',
    'RequestLimitExceeded.SomethingNew',
    'ResourceInsufficient',
    'ResourceUnavailable',
    'LimitExceeded',
    'LimitExceeded.TooManyTemplate',
  ],
  retry: ['ResourceInUse'],
};

const CASES = Object.entries(EXPECTED).flatMap(([errorClass, codes]) =>
  codes.map((code) => [code, errorClass] as const),
);

describe('the table of codes', () => {
  test.each(CASES)('has %s as %s, on the submit and on reads', (code, errorClass) => {
    expect(classOfCode(code, 'ProcessMediaByMPS')).toBe(errorClass);
    expect(classOfCode(code, 'DescribeTasks')).toBe(errorClass);
    expect(classOfCode(code)).toBe(errorClass);
  });

  test('takes a task that cannot be found for one that cannot be read yet', () => {
    expect(classOfCode('ResourceNotFound', 'DescribeTaskDetail')).toBe('retry');
    expect(classOfCode('ResourceNotFound.Task', 'DescribeTaskDetail')).toBe('retry');
  });

  test.each(['', 'Odd', 'Odd.Thing', 'failedoperation', 'FailedOperation.SomethingNew', 'constructor', '*'])(
    'takes the unknown code %j for one that may have been executed',
    (code) => {
      expect(classOfCode(code, 'ProcessMediaByMPS')).toBe('ambiguous');
    },
  );

  test('never says that a submit may simply be sent again when nobody knows', () => {
    for (const row of [...ERROR_CODES, ...NETWORK_CODES]) {
      if (row.class === 'ambiguous' || row.class === 'duplicate') {
        expect(ERROR_CLASSES[row.class].onSubmit).toBe('look');
      }
    }
  });

  test('has each code once for each action, found as itself, with a line for a person', () => {
    const keys = [...ERROR_CODES, ...NETWORK_CODES].map(({ code, only }) => `${code} ${only ?? ''}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const row of [...ERROR_CODES, ...NETWORK_CODES]) {
      const action: VodAction | undefined = row.only;
      expect(findErrorCode(row.code, action)).toBe(row);
      expect(row.line).toMatch(/^[A-Z].*\.$/);
    }
  });
});

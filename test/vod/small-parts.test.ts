import { describe, expect, test } from 'vitest';
import { DOCUMENTED_RATE } from '../../src/contract/vendor-limits.js';
import { classify } from '../../src/tencent-vod/classify.js';
import { sdkCredentialChain } from '../../src/tencent-vod/credentials.js';
import { parseEndpoint } from '../../src/tencent-vod/endpoint.js';
import { type PacedAction, paceOf } from '../../src/tencent-vod/rates.js';
import { vodTime } from '../../src/tencent-vod/vod-time.js';

describe('an endpoint', () => {
  test.each([
    ['vod.intl.tencentcloudapi.com', 'https://', 'vod.intl.tencentcloudapi.com'],
    ['127.0.0.1:9000', 'https://', '127.0.0.1:9000'],
    ['http://127.0.0.1:9000', 'http://', '127.0.0.1:9000'],
    ['http://127.0.0.1:9000/', 'http://', '127.0.0.1:9000'],
    ['https://vod.tencentcloudapi.com', 'https://', 'vod.tencentcloudapi.com'],
  ])('%s is a host or a URL', (given, protocol, host) => {
    expect(parseEndpoint(given)).toEqual({ protocol, host });
  });

  test.each(['', 'http://', 'ftp://x', 'http://x/path', 'http://x?y=1', 'http://user:pw@x', 'a b'])(
    '%j is refused in words',
    (given) => {
      expect(() => parseEndpoint(given)).toThrow(/^The VOD endpoint /);
    },
  );
});

describe('the time of the vendor', () => {
  test.each([
    ['never', 'nearest', '9999-12-31T23:59:59Z'],
    ['2031-01-31T08:00:00+08:00', 'nearest', '2031-01-31T00:00:00Z'],
    ['2031-01-31T00:00:00.400Z', 'down', '2031-01-31T00:00:00Z'],
    ['2031-01-31T00:00:00.400Z', 'up', '2031-01-31T00:00:01Z'],
    ['tomorrow', 'up', 'tomorrow'],
  ] as const)('writes %s rounded %s as %s', (given, rounding, written) => {
    expect(vodTime(given, rounding)).toBe(written);
  });
});

describe('the credential chain', () => {
  test('takes the environment first, with a token under either name', async () => {
    const keys = { TENCENTCLOUD_SECRET_ID: 'id', TENCENTCLOUD_SECRET_KEY: 'key' };
    expect(await sdkCredentialChain(keys).getCredential()).toEqual({ secretId: 'id', secretKey: 'key' });
    expect(await sdkCredentialChain({ ...keys, TENCENTCLOUD_TOKEN: 't' }).getCredential()).toMatchObject({
      token: 't',
    });
    expect(await sdkCredentialChain({ ...keys, TENCENTCLOUD_SESSION_TOKEN: 's' }).getCredential()).toMatchObject({
      token: 's',
    });
  });
});

describe('paces', () => {
  test('stay at 80% of what is documented', () => {
    for (const action of Object.keys(DOCUMENTED_RATE) as PacedAction[]) {
      expect(paceOf(action)).toBe(DOCUMENTED_RATE[action] * 0.8);
    }
  });
});

/** Texts of node-fetch and OpenSSL for what no server on loopback can be made to do here. */
describe('a network error that was seen elsewhere', () => {
  test.each([
    ['request to https://x/ failed, reason: self-signed certificate', 'retry', 'tls'],
    ['request to https://x/ failed, reason: unable to verify the first certificate', 'retry', 'tls'],
    ['request to https://x/ failed, reason: unable to get local issuer certificate', 'retry', 'tls'],
    ['request to https://x/ failed, reason: certificate has expired', 'retry', 'tls'],
    [
      "request to https://x/ failed, reason: Hostname/IP does not match certificate's altnames: Host: x.",
      'retry',
      'tls',
    ],
    ['request to https://x/ failed, reason: getaddrinfo EAI_AGAIN x', 'retry', 'EAI_AGAIN'],
    ['request to https://x/ failed, reason: connect ETIMEDOUT 1.2.3.4:443', 'retry', 'connect-timeout'],
    ['request to https://x/ failed, reason: connect EHOSTUNREACH 1.2.3.4:443', 'retry', 'EHOSTUNREACH'],
    ['request to https://x/ failed, reason: connect ENETUNREACH 1.2.3.4:443', 'retry', 'ENETUNREACH'],
    ['request to https://x/ failed, reason: read ETIMEDOUT', 'ambiguous', 'ETIMEDOUT'],
    ['request to https://x/ failed, reason: read ECONNRESET', 'ambiguous', 'ECONNRESET'],
    ['request to https://x/ failed, reason: write EPIPE', 'ambiguous', 'EPIPE'],
    ['request to https://x/ failed, reason: something new', 'ambiguous', 'network'],
    ['', 'ambiguous', 'network'],
  ])('%j is %s', (message, errorClass, code) => {
    expect(classify('ProcessMediaByMPS', new Error(message))).toMatchObject({ class: errorClass, code });
  });

  test('that is no error at all is judged too', () => {
    expect(classify('ProcessMediaByMPS', 'odd')).toMatchObject({ class: 'ambiguous' });
    expect(classify('ProcessMediaByMPS', undefined)).toMatchObject({ class: 'ambiguous' });
  });
});

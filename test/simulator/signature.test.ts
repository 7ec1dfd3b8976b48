import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { type SignedRequest, sign, verifySignature } from '../../src/simulator/signature.js';
import { refusalCode, SECRET_ID, SECRET_KEY, SUB_APP_ID, vodClient } from '../support/simulator.js';

// A CommonJS module with a default export: loaded as such, every loader agrees on what that is.
const { default: Sign } = createRequire(import.meta.url)(
  'tencentcloud-sdk-nodejs/tencentcloud/common/sign.js',
) as typeof import('tencentcloud-sdk-nodejs/tencentcloud/common/sign.js');

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** The worked examples of the signing document, in its editions of 2018 (GET), 2019 and today (POST). */
const POST_EXAMPLE: SignedRequest = {
  method: 'POST',
  path: '/',
  query: '',
  headers: {
    'content-type': 'application/json; charset=utf-8',
    host: 'cvm.tencentcloudapi.com',
    'x-tc-action': 'DescribeInstances',
  },
  body: Buffer.from('{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}'),
};
const GET_EXAMPLE: SignedRequest = {
  method: 'GET',
  path: '/',
  query: 'Limit=10&Offset=0',
  headers: { 'content-type': 'application/x-www-form-urlencoded', host: 'cvm.tencentcloudapi.com' },
  body: Buffer.alloc(0),
};
const SCOPE = { date: '2019-02-25', service: 'cvm', timestamp: 1551113065, host: 'cvm.tencentcloudapi.com' };

describe('the published examples', () => {
  it('begin with the body hash that the document gives', () => {
    expect(sha256(POST_EXAMPLE.body.toString())).toBe(
      '35e9c5b0e3ae67532d3c9f17ead6c90222632e5b1ff7f6e89887f1398934f064',
    );
  });

  it('give the signature of a POST that signs x-tc-action as well', () => {
    const scope = { ...SCOPE, signedHeaders: ['content-type', 'host', 'x-tc-action'] };
    expect(sign(POST_EXAMPLE, scope, 'Gu5t9xGARNpq86cd98joQYCN3*******').toString('hex')).toBe(
      'be4f67d323c78ab9acb7395e43c0dbcf822a9cfac32fea2449a7bc7726b770a3',
    );
  });

  it('give the signature of a POST that signs the two required headers', () => {
    const scope = { ...SCOPE, signedHeaders: ['content-type', 'host'] };
    expect(sign(POST_EXAMPLE, scope, 'Gu5t9xGARNpq86cd98joQYCN3EXAMPLE').toString('hex')).toBe(
      '72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168',
    );
  });

  it('give the signature of a GET', () => {
    const scope = {
      ...SCOPE,
      date: '2018-10-09',
      timestamp: 1539084154,
      signedHeaders: ['content-type', 'host'],
    };
    expect(sign(GET_EXAMPLE, scope, 'Gu5t9xGARNpq86cd98joQYCN3EXAMPLE').toString('hex')).toBe(
      '5da7a33f6993f0614b047e5df4582db9e9bf4672ba50567dba16c6ccf174c474',
    );
  });

  it('pass the whole check at their own time', () => {
    const secretId = 'AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******';
    const authorization =
      `TC3-HMAC-SHA256 Credential=${secretId}/2019-02-25/cvm/tc3_request, ` +
      'SignedHeaders=content-type;host;x-tc-action, ' +
      'Signature=be4f67d323c78ab9acb7395e43c0dbcf822a9cfac32fea2449a7bc7726b770a3';
    const headers = { ...POST_EXAMPLE.headers, authorization, 'x-tc-timestamp': '1551113065' };
    const credential = { secretId, secretKey: 'Gu5t9xGARNpq86cd98joQYCN3*******' };
    expect(verifySignature({ ...POST_EXAMPLE, headers }, [credential], 1551113065_000)).toBe(credential);
  });
});

describe('signatures at the door', () => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator({
      credentials: [
        { secretId: SECRET_ID, secretKey: SECRET_KEY },
        { secretId: 'AKIDtemporary', secretKey: 'short-lived', token: 'the-token' },
      ],
    });
  });
  afterAll(() => simulator.close());

  const listing = { SubAppId: SUB_APP_ID };

  it.each(['POST', 'GET'] as const)('of the official SDK are right over %s', async (reqMethod) => {
    await expect(vodClient(simulator.url, { reqMethod }).DescribeTasks(listing)).resolves.toMatchObject({
      TaskSet: null,
    });
  });

  it('need a SecretId that exists', async () => {
    const client = vodClient(simulator.url, { secretId: 'AKIDstranger' });
    expect(await refusalCode(client.DescribeTasks(listing))).toBe('AuthFailure.SecretIdNotFound');
  });

  it('need the right key', async () => {
    const client = vodClient(simulator.url, { secretKey: 'guess' });
    expect(await refusalCode(client.DescribeTasks(listing))).toBe('AuthFailure.SignatureFailure');
  });

  it('need the token of temporary credentials, and of no others', async () => {
    const temporary = { secretId: 'AKIDtemporary', secretKey: 'short-lived' };
    await expect(
      vodClient(simulator.url, { ...temporary, token: 'the-token' }).DescribeTasks(listing),
    ).resolves.toBeDefined();
    for (const options of [temporary, { ...temporary, token: 'another' }, { token: 'the-token' }])
      expect(await refusalCode(vodClient(simulator.url, options).DescribeTasks(listing))).toBe(
        'AuthFailure.TokenFailure',
      );
  });

  interface Raw {
    body?: string;
    timestamp?: number;
    /** Changes what was signed, after it was signed. */
    spoil?: (headers: Record<string, string>) => void;
    sentBody?: string;
  }

  /** A request that the official signer signed, and that was then tampered with. */
  async function rawCode({ body = '{}', timestamp, spoil, sentBody }: Raw): Promise<string> {
    const at = timestamp ?? Math.floor(Date.now() / 1000);
    const headers: Record<string, string> = {
      'Content-Type': 'application/json',
      Host: new URL(simulator.url).host,
      'X-TC-Action': 'DescribeTasks',
      'X-TC-Version': '2018-07-17',
      'X-TC-Timestamp': String(at),
    };
    headers.Authorization = Sign.sign3({
      method: 'POST',
      url: simulator.url,
      payload: Buffer.from(body),
      timestamp: at,
      service: 'vod',
      secretId: SECRET_ID,
      secretKey: SECRET_KEY,
      headers,
      multipart: false,
      boundary: '',
    });
    spoil?.(headers);
    const { Response } = JSON.parse(await post(simulator.url, headers, sentBody ?? body));
    return Response.Error?.Code ?? 'ok';
  }

  it('pass when nothing was tampered with, for whatever service they name', async () => {
    expect(await rawCode({})).toBe('ok');
  });

  it('cover the body', async () => {
    expect(await rawCode({ sentBody: '{"Limit":1}' })).toBe('AuthFailure.SignatureFailure');
  });

  it('expire after five minutes, in both directions', async () => {
    const now = Math.floor(Date.now() / 1000);
    expect(await rawCode({ timestamp: now - 290 })).toBe('ok');
    expect(await rawCode({ timestamp: now + 290 })).toBe('ok');
    expect(await rawCode({ timestamp: now - 310 })).toBe('AuthFailure.SignatureExpire');
    expect(await rawCode({ timestamp: now + 310 })).toBe('AuthFailure.SignatureExpire');
  });

  const authorization = (change: (value: string) => string) => ({
    spoil: (headers: Record<string, string>) => {
      headers.Authorization = change(headers.Authorization ?? '');
    },
  });

  it.each([
    ['no Authorization at all', () => ''],
    ['another algorithm', (value: string) => value.replace('TC3-HMAC-SHA256', 'TC3-HMAC-SHA1')],
    ['a signature that is cut', (value: string) => value.slice(0, -1)],
    ['another terminator', (value: string) => value.replace('tc3_request', 'aws4_request')],
  ])('are malformed with %s', async (_, change) => {
    expect(await rawCode(authorization(change))).toBe('AuthFailure.InvalidAuthorization');
  });

  it.each([
    ['without content-type among the signed headers', (value: string) => value.replace('content-type;host', 'host')],
    ['without host among the signed headers', (value: string) => value.replace('content-type;host', 'content-type')],
    ['with signed headers out of order', (value: string) => value.replace('content-type;host', 'host;content-type')],
    ['for another service', (value: string) => value.replace('/vod/', '/cvm/')],
    ['for another day', (value: string) => value.replace(/\d{4}-\d\d-\d\d/, '2019-02-25')],
  ])('fail %s', async (_, change) => {
    expect(await rawCode(authorization(change))).toBe('AuthFailure.SignatureFailure');
  });

  it.each(['X-TC-Action', 'X-TC-Version', 'X-TC-Timestamp'])('need the header %s', async (name) => {
    expect(await rawCode({ spoil: (headers) => void delete headers[name] })).toBe('MissingParameter');
  });

  it('answer with HTTP 200, a RequestId and the trace id that came', async () => {
    const response = await fetch(simulator.url, { method: 'POST', body: '{}', headers: { 'x-tc-traceid': 'trace-7' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-tc-traceid')).toBe('trace-7');
    const { Response } = (await response.json()) as { Response: { RequestId: string } };
    expect(Response.RequestId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });
});

/** fetch does not let a Host header through, so this goes one floor deeper. */
function post(url: string, headers: Record<string, string>, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: 'POST', headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

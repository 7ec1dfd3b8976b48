import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { webhookDelayMs, webhookIdOf } from '../../src/activities/webhook/deliver-webhook.js';
import { Secret } from '../../src/config/secret.js';
import { retryAfterMs } from '../../src/webhook/retry-after.js';
import { createWebhookSender, type WebhookSenderOptions } from '../../src/webhook/sender.js';
import { WEBHOOK_KEY, WebhookReceiver } from '../support/webhook-receiver.js';

const OLD_KEY = `whsec_${Buffer.from('the-key-before-that-one-was-made').toString('base64')}`;
const MESSAGE = { id: 'msg_1', body: '{"type":"erase.succeeded"}' };

const options: WebhookSenderOptions = {
  secrets: new Map([['shop', new Secret([WEBHOOK_KEY, OLD_KEY])]]),
  allowHttp: true,
  networks: [{ address: '127.0.0.0', prefix: 8 }],
};

let receiver: WebhookReceiver;
beforeEach(async () => {
  receiver = await new WebhookReceiver().listen();
});
afterEach(() => receiver.close());

const send = (more: Partial<WebhookSenderOptions> = {}, url = receiver.url) =>
  createWebhookSender({ ...options, ...more }).send({ url, secret: 'shop' }, MESSAGE);

describe('a message', () => {
  it('is signed with every key of its name, so that a key can be changed without a gap', async () => {
    expect(await send()).toEqual({ kind: 'delivered', status: 204 });
    const [received] = receiver.received;
    if (received === undefined) throw new Error('Nothing was received.');
    expect(receiver.verified(received)).toEqual({ type: 'erase.succeeded' });
    expect(new WebhookReceiver(OLD_KEY).verified(received)).toEqual({ type: 'erase.succeeded' });
    expect(received.headers['webhook-id']).toBe('msg_1');
    expect(() => receiver.verified({ ...received, body: '{"type":"erase.failed"}' })).toThrow(/signature/);
  });

  it.each([
    [200, { kind: 'delivered', status: 200 }],
    [410, { kind: 'gone' }],
    [301, { kind: 'failed', reason: expect.stringContaining('redirects are not followed') }],
    [400, { kind: 'failed', reason: expect.stringContaining('HTTP 400') }],
    [404, { kind: 'failed' }],
    [500, { kind: 'failed', retryAfterMs: null }],
  ])('that is answered by %i is so', async (status, delivery) => {
    receiver.answers = [
      (response) => response.writeHead(status, { location: 'http://127.0.0.1/' }).end('a secret text'),
    ];
    const sent = await send();
    expect(sent).toMatchObject(delivery);
    expect(JSON.stringify(sent)).not.toContain('secret text');
  });

  it('waits as long as the receiver asks for', async () => {
    receiver.answers = [(response) => response.writeHead(429, { 'retry-after': '90' }).end()];
    expect(await send()).toMatchObject({ kind: 'failed', retryAfterMs: 90_000 });
  });

  it.each([
    ['a receiver that is down', {}, 'http://127.0.0.1:1/token-of-theirs', 'could not be reached (ECONNREFUSED)'],
    ['an address that is not public', { networks: [] }, undefined, '127.0.0.1 is not a public address'],
    ['a name of one', { networks: [] }, 'http://localhost/token-of-theirs', 'is not a public address'],
    ['http', { allowHttp: false }, undefined, 'SMART_ERASE_WEBHOOK_ALLOW_HTTP'],
    ['a secret that nobody knows', { secrets: new Map() }, undefined, 'SMART_ERASE_WEBHOOK_SECRETS'],
  ])('to %s fails, and says why', async (_what, more, url, words) => {
    const sent = await send(more, url);
    expect(sent).toMatchObject({ kind: 'failed', reason: expect.stringContaining(words) });
    expect(JSON.stringify(sent)).not.toContain('token-of-theirs');
    expect(receiver.received).toEqual([]);
  });

  it('to a receiver that is slow fails in time', async () => {
    receiver.answers = [() => undefined];
    expect(await send({ timeoutMs: 200 })).toMatchObject({ reason: expect.stringContaining('within 0.2 s') });
  });

  it('by https to a server without a certificate that counts fails', async () => {
    expect(await send({}, receiver.url.replace('http:', 'https:'))).toMatchObject({ kind: 'failed' });
    expect(receiver.received).toEqual([]);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2031-01-31T10:00:00Z');
  it.each([
    [null, null],
    ['soon', null],
    ['', null],
    ['120', 120_000],
    ['Fri, 31 Jan 2031 10:01:00 GMT', 60_000],
    ['Fri, 31 Jan 2031 09:00:00 GMT', 0],
  ])('%s is %s ms', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});

describe('the delays', () => {
  it('begin with seconds, grow, and reach a day in about eighteen attempts', () => {
    const delays = Array.from({ length: 40 }, (_, index) => webhookDelayMs(index + 1, () => 0));
    expect(delays.slice(0, 3)).toEqual([5_000, 15_000, 45_000]);
    expect(Math.max(...delays)).toBe(7_200_000);
    const first = (count: number) => delays.slice(0, count).reduce((sum, delay) => sum + delay, 0);
    expect(first(12)).toBeLessThan(86_400_000);
    expect(first(24)).toBeGreaterThan(86_400_000);
    expect(webhookDelayMs(1, () => 1)).toBe(6_000);
  });

  it('are of messages whose id depends on the notification alone', () => {
    expect(webhookIdOf('notify/a')).toBe(webhookIdOf('notify/a'));
    expect(webhookIdOf('notify/a')).not.toBe(webhookIdOf('notify/b'));
    expect(webhookIdOf('notify/ä/x.y')).toMatch(/^msg_[0-9a-f]{32}$/);
  });
});

import type { LookupFunction } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { proxyHint } from '../config/proxy-variables.js';
import type { WebhookSettings } from '../config/webhook-settings.js';
import type { WebhookRequest } from '../contract/request.js';
import { AddressRefusedError, POST_TIMEOUT_MS, type PostAnswer, post } from './post.js';
import { addressRule } from './public-address.js';
import { retryAfterMs } from './retry-after.js';

/** Sends signed messages by the Standard Webhooks specification. */
export interface WebhookSender {
  /** Why this process cannot use the webhook, in a sentence; null when it can. Makes no DNS lookup. */
  problemWith(webhook: WebhookRequest): string | null;
  /** One attempt. Never throws for errors of the receiver or the network. */
  send(webhook: WebhookRequest, message: { id: string; body: string }): Promise<Delivery>;
}

export type Delivery =
  | { kind: 'delivered'; status: number }
  /** The receiver answered 410: it accepts no further messages. */
  | { kind: 'gone'; reason: string }
  | { kind: 'failed'; reason: string; retryAfterMs: number | null };

export interface WebhookSenderOptions extends WebhookSettings {
  /** For tests. Defaults: the system's lookup, 15 s. */
  lookup?: LookupFunction;
  timeoutMs?: number;
}

export function createWebhookSender(options: WebhookSenderOptions): WebhookSender {
  const { secrets, allowHttp, networks, lookup, timeoutMs = POST_TIMEOUT_MS } = options;
  const mayReach = addressRule(networks);

  function problemWith({ url, secret }: WebhookRequest): string | null {
    if (new URL(url).protocol !== 'https:' && !allowHttp) {
      return 'webhook.url must begin with https://: SMART_ERASE_WEBHOOK_ALLOW_HTTP is not set in the worker.';
    }
    const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
    if (looksLikeAddress(host) && !mayReach(host)) return `webhook.url: ${notPublic(host)}`;
    if (!secrets.has(secret)) {
      return `webhook.secret ${JSON.stringify(secret)} is not known: SMART_ERASE_WEBHOOK_SECRETS of the worker has no such name.`;
    }
    return null;
  }

  return {
    problemWith,
    async send(webhook, { id, body }) {
      const problem = problemWith(webhook);
      const keys = secrets.get(webhook.secret);
      if (problem !== null || keys === undefined) return failed(problem ?? 'its secret is not known.');
      const now = new Date();
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'vod-smart-erase',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
        'webhook-signature': keys
          .reveal()
          .map((key) => new Webhook(key).sign(id, now, body))
          .join(' '),
      };
      const url = new URL(webhook.url);
      try {
        return judged(url, await post(url, { headers, body }, { mayReach, lookup, timeoutMs }));
      } catch (error) {
        return failed(unreached(url, error, timeoutMs));
      }
    },
  };
}

/** By the specification: 2xx is delivered, 410 ends it, and everything else is retried. */
function judged(url: URL, { status, retryAfter }: PostAnswer): Delivery {
  if (status >= 200 && status < 300) return { kind: 'delivered', status };
  if (status === 410) return { kind: 'gone', reason: `${url.origin} answered 410: it wants no more webhooks.` };
  const note = status >= 300 && status < 400 ? '; redirects are not followed' : '';
  return failed(`${url.origin} answered HTTP ${status}${note}.`, retryAfterMs(retryAfter, Date.now()));
}

/** The origin only, since the rest of a URL may contain the receiver's token. */
function unreached(url: URL, error: unknown, timeoutMs: number): string {
  if (error instanceof AddressRefusedError) return `${url.origin}: ${notPublic(error.address)}`;
  if (!(error instanceof Error)) return `${url.origin} could not be reached.`;
  if (error.name === 'AbortError') return `${url.origin} did not answer within ${timeoutMs / 1_000} s.`;
  const code = (error as NodeJS.ErrnoException).code;
  return `${url.origin} could not be reached (${code ?? error.message}).${proxyHint()}`;
}

function notPublic(address: string): string {
  return `${address} is not a public address, and not in SMART_ERASE_WEBHOOK_NETWORKS of the worker.`;
}

function looksLikeAddress(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host);
}

function failed(reason: string, after: number | null = null): Delivery {
  return { kind: 'failed', reason, retryAfterMs: after };
}

import { z } from 'zod';
import { closed } from './closed-object.js';
import type { WebhookRequest } from './request.js';

/** Maximum URL length, in characters. Ours: supported by every browser, proxy and server. */
const URL_LENGTH = 2_000;

/** A name in `SMART_ERASE_WEBHOOK_SECRETS`: no comma or equals sign, which are separators there. */
export const SECRET_NAME = /^(?!whsec_)[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Only the worker's settings decide whether http, and which addresses, are allowed. */
const url = z
  .string()
  .max(URL_LENGTH)
  .regex(/^https?:\/\/\S+$/, { error: 'must begin with https://, or http:// where the workers allow it.', abort: true })
  .refine((text) => URL.canParse(text), { error: 'is not a URL.', abort: true })
  .refine((text) => new URL(text).username === '' && new URL(text).password === '', {
    error: 'has a user or a password in it; it is kept in histories, where no secret belongs.',
  });

const secret = z
  .string()
  .regex(
    SECRET_NAME,
    'must be the name of a secret in the workers’ configuration: at most 64 letters, digits, dots, dashes and underscores. ' +
      'Never send the secret itself (whsec_…).',
  );

export const webhookSchema = closed({ url, secret }) satisfies z.ZodType<WebhookRequest>;

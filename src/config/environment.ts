import { z } from 'zod';
import { DOCUMENTED_SUBMITS_PER_SECOND } from '../contract/vendor-limits.js';
import { databaseProblems } from './database-address.js';
import { type Fitness, unfitWords } from './fit-value.js';
import { differingTokens, givenToken, TOKEN_VARIABLES } from './vendor-credentials.js';
import { DEFAULT_VOD_ENDPOINT, SETTLE_MARGIN_SECONDS, worstRequestSeconds } from './vendor-limits.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const LOG_FORMATS = ['json', 'pretty'] as const;

/** Parts of a header or an address, which must be plain ASCII without blanks. */
const PLAIN_VARIABLES: readonly string[] = [
  'TENCENTCLOUD_SECRET_ID',
  'TENCENTCLOUD_SECRET_KEY',
  ...TOKEN_VARIABLES,
  'VOD_ENDPOINT',
  'TEMPORAL_ADDRESS',
  'TEMPORAL_API_KEY',
  'TEMPORAL_TLS_SERVER_NAME',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
];
/** Certificates and keys in PEM. */
const LINES = /^TEMPORAL_TLS_.*_DATA$/;
/** Blanks around numbers are harmless. */
const NUMBERS = /^\s*\d+(\.\d+)?\s*(,\s*\d+\s*)*$/;

/**
 * Detects what was pasted with a value by mistake: line ends, blanks, quotes, characters invalid in headers. Names the variable
 * and the problem, never the value, which may be secret. @returns one sentence a variable
 */
export function unfitVariables(env: Readonly<Record<string, unknown>>, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = env[name];
    const plain = PLAIN_VARIABLES.includes(name);
    if (typeof value !== 'string' || value === '' || (!plain && NUMBERS.test(value))) return [];
    const fitness: Fitness = { plain, lines: LINES.test(name) };
    const words = unfitWords(value, fitness);
    return words === null ? [] : [`${name} ${words}`];
  });
}

function number(words: string, accept: (value: number) => boolean): z.ZodType<number> {
  return z.string().transform((text, context) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && accept(value)) return value;
    context.addIssue({ code: 'custom', message: `must be ${words}, not "${text}"` });
    return z.NEVER;
  });
}

const positive = number('a number above 0', (value) => value > 0);
const positiveInteger = number('a whole number above 0', (value) => Number.isSafeInteger(value) && value > 0);

const subAppIds = z.string().transform((text, context) => {
  const ids = text.split(',').map((part) => Number(part.trim() || Number.NaN));
  if (ids.every((id) => Number.isSafeInteger(id) && id > 0)) return ids;
  context.addIssue({ code: 'custom', message: `must be whole numbers above 0 with commas between, not "${text}"` });
  return z.NEVER;
});

function oneOf<const Values extends readonly string[]>(values: Values): z.ZodType<Values[number]> {
  return z.custom<Values[number]>((value) => values.includes(value as string), {
    message: `must be one of ${values.join(', ')}`,
  });
}

function endpoint(text: string): boolean {
  if (/^https?:\/\//.test(text)) return URL.canParse(text) && new URL(text).pathname === '/';
  return /^[A-Za-z0-9.-]+(:\d{1,5})?$/.test(text);
}

/** Never quote DATABASE_URL in a message, since it contains a password. */
export const DATABASE_VARIABLES = z.object({
  DATABASE_URL: z
    .string({
      error: 'is not set: the PostgreSQL of the ledger, like postgresql://user:password@host:5432/smart_erase',
    })
    .superRefine((text, context) => {
      for (const message of databaseProblems(text)) context.addIssue({ code: 'custom', message });
    }),
});

export const LOG_VARIABLES = z.object({
  SMART_ERASE_LOG_LEVEL: oneOf(LOG_LEVELS).default('info'),
  SMART_ERASE_LOG_FORMAT: oneOf(LOG_FORMATS).default('json'),
});

/** Separators of a version's name, `deployment:build` or `deployment.build`, are not allowed in its parts. */
const BUILD_ID = /^[A-Za-z0-9_-]{1,100}$/;
const BUILD_ID_WORDS = 'must be 1 to 100 letters, digits, _ or -';

export const VENDOR_VARIABLES = z.object({
  TENCENTCLOUD_SECRET_ID: z.string().optional(),
  TENCENTCLOUD_SECRET_KEY: z.string().optional(),
  TENCENTCLOUD_TOKEN: z.string().optional(),
  /** Other names of the vendor's programs. */
  TENCENTCLOUD_SESSION_TOKEN: z.string().optional(),
  TENCENTCLOUD_SECURITY_TOKEN: z.string().optional(),
  VOD_ENDPOINT: z
    .string()
    .refine(endpoint, 'must be a host, like vod.intl.tencentcloudapi.com, or an http(s) URL without a path')
    .default(DEFAULT_VOD_ENDPOINT),
  VOD_SUB_APP_ID: positiveInteger.optional(),
  /** Sub-applications that a worker submits for: 1500000001,1500000002. Not set: any. */
  VOD_ALLOWED_SUB_APP_IDS: subAppIds.optional(),
  VOD_SUBMIT_RPS: positive.default(DOCUMENTED_SUBMITS_PER_SECOND),
  VOD_REQUEST_TIMEOUT_SECONDS: positiveInteger.default(20),
  VOD_SETTLE_SECONDS: positive.default(60),
  VOD_THROTTLED_TOO_LONG_SECONDS: positive.default(1_800),
  VOD_POLL_FIRST_SECONDS: positive.default(60),
  VOD_POLL_MAX_SECONDS: positive.default(600),
  VOD_WATCH_INTERVAL_SECONDS: positive.default(5),
  VOD_PRICE_FILE: z.string().optional(),
  SMART_ERASE_SUBMIT_CONCURRENCY: positiveInteger.default(80),
  SMART_ERASE_ACTIVITY_CONCURRENCY: positiveInteger.default(100),
  SMART_ERASE_SHUTDOWN_GRACE_SECONDS: positive.optional(),
  /** Worker deployment versioning: the build id of this worker. Not set: no versioning. */
  SMART_ERASE_BUILD_ID: z.string().regex(BUILD_ID, BUILD_ID_WORDS).optional(),
  /** Default: the name of the main task queue, so that each installation in a namespace has its own deployment. */
  SMART_ERASE_DEPLOYMENT_NAME: z.string().regex(BUILD_ID, BUILD_ID_WORDS).optional(),
  /** Validated with the Temporal settings. */
  SMART_ERASE_PREFIX: z.string().default(''),
  SMART_ERASE_BATCH_OLDEST_TASK_HOURS: positive.default(6),
  SMART_ERASE_WATCH: oneOf(['on', 'off']).default('on'),
});

/** Conflicts between individually valid settings; one sentence each, beginning with the name. */
export function vendorConflicts(value: z.infer<typeof VENDOR_VARIABLES>): string[] {
  const problems: string[] = [];
  const hasId = value.TENCENTCLOUD_SECRET_ID !== undefined;
  const hasKey = value.TENCENTCLOUD_SECRET_KEY !== undefined;
  if (hasId !== hasKey) {
    const [missing, present] = hasId
      ? ['TENCENTCLOUD_SECRET_KEY', 'TENCENTCLOUD_SECRET_ID']
      : ['TENCENTCLOUD_SECRET_ID', 'TENCENTCLOUD_SECRET_KEY'];
    problems.push(`${missing} is not set, but ${present} is: set both, or neither to use the credential chain`);
  }
  const token = givenToken(value);
  if (token !== null && !hasId && !hasKey) {
    problems.push(`${token.name} is set without TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY`);
  }
  const differing = differingTokens(value);
  if (differing.length > 0) {
    problems.push(`${differing.join(' and ')} are different tokens: they mean the same, so set one of them`);
  }
  const { VOD_SUB_APP_ID: ownId, VOD_ALLOWED_SUB_APP_IDS: allowed } = value;
  if (ownId !== undefined && allowed !== undefined && !allowed.includes(ownId)) {
    problems.push(`VOD_SUB_APP_ID (${ownId}) is not among VOD_ALLOWED_SUB_APP_IDS (${allowed.join(', ')})`);
  }
  const worst = worstRequestSeconds(value.VOD_REQUEST_TIMEOUT_SECONDS);
  if (value.VOD_SETTLE_SECONDS <= worst + SETTLE_MARGIN_SECONDS) {
    problems.push(
      `VOD_SETTLE_SECONDS must be above ${worst + SETTLE_MARGIN_SECONDS} ` +
        `(twice VOD_REQUEST_TIMEOUT_SECONDS plus ${SETTLE_MARGIN_SECONDS}), not ${value.VOD_SETTLE_SECONDS}: ` +
        'a submit that is still on its way must not be taken for one that never arrived',
    );
  }
  if (value.VOD_POLL_MAX_SECONDS < value.VOD_POLL_FIRST_SECONDS) {
    problems.push(
      `VOD_POLL_MAX_SECONDS (${value.VOD_POLL_MAX_SECONDS}) must not be below ` +
        `VOD_POLL_FIRST_SECONDS (${value.VOD_POLL_FIRST_SECONDS})`,
    );
  }
  const grace = value.SMART_ERASE_SHUTDOWN_GRACE_SECONDS;
  if (grace !== undefined && grace <= worst) {
    problems.push(
      `SMART_ERASE_SHUTDOWN_GRACE_SECONDS must be above ${worst} (twice VOD_REQUEST_TIMEOUT_SECONDS), not ${grace}: ` +
        'a submit in mid-call must be able to end',
    );
  }
  return problems;
}

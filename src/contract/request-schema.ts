import { z } from 'zod';
import { parseTime } from './calendar.js';
import { closed } from './closed-object.js';
import { plainJsonProblems } from './plain-json.js';
import { kindOf, type Problem, pathText, shownValue } from './problem.js';
import { recipeSchema } from './recipe-schema.js';
import { INHERITABLE, type NormalizedEraseRequest, ON_REVIEW_TIMEOUT, type PublishRequest } from './request.js';
import { LONGEST_NAME, LONGEST_REASON } from './text.js';
import { MAX_DEADLINE_HOURS } from './vendor-limits.js';
import { webhookSchema } from './webhook-schema.js';

/** Largest request, as JSON in UTF-8. Ours: far below Temporal's limit for one payload (2 MB). */
export const MAX_REQUEST_BYTES = 64 * 1024;

export const DEFAULT_DEADLINE_HOURS = 24;

/** Limits of ModifyMediaInfo, in characters, tags, and characters of a tag. Source: its API document. */
const MEDIA_NAME = 64;
const MEDIA_DESCRIPTION = 128;
const MEDIA_TAGS = 16;
const MEDIA_TAG = 32;

/** Longest procedure name. Source: CreateProcedureTemplate, Name. */
const PROCEDURE_NAME = 64;

/** A key becomes part of a workflow id; Temporal allows 1,000 bytes. */
const KEY = 200;
const TOKEN = 100;
export const MAX_BATCH_ID = 100;

/** Hours. Ours: longer than any review, and far below a timer's maximum. */
export const MAX_REVIEW_HOURS = 365 * 24;
/** Temporal's limit for a workflow id, in bytes. */
const WORKFLOW_ID = 1_000;

const EXAMPLE_FILE_ID = '5285485487985271487';

const FILE_ID_NUMBER = `is a number; a FileId has 19 digits and must be a string: ${JSON.stringify(EXAMPLE_FILE_ID)}.`;

const visible = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[^\p{C}\p{Z}]*$/u, 'may hold visible characters only: no spaces, no line ends, no control characters.');

const oneLine = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[^\p{Cc}]*$/u, 'may hold no line ends or other control characters.')
    .regex(/\S/, 'is blank.');

const spaced = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[\P{Cc}\s]*$/u, 'may hold no control characters but tabs and line ends.');

/** FileId: decimal digits, as a string. */
export const fileIdSchema = z
  .string({ error: (issue) => (typeof issue.input === 'number' ? FILE_ID_NUMBER : undefined) })
  .regex(/^\d{1,20}$/, `must be the decimal digits of a FileId, such as ${JSON.stringify(EXAMPLE_FILE_ID)}.`);

/** SubAppId: a positive integer. */
export const subAppIdSchema = z
  .int({
    error: (issue) =>
      typeof issue.input === 'string' ? 'is a string; a SubAppId is a number, such as 1500000001.' : undefined,
  })
  .min(1);

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

function isTime(text: string): boolean {
  return RFC_3339.test(text) && parseTime(text) !== null;
}

const expireTime = z
  .string()
  .refine(
    (text) => text === 'never' || isTime(text),
    'must be a time such as "2031-01-31T00:00:00Z", with Z or an offset, or "never".',
  );

const publishSchema = closed({
  name: oneLine(MEDIA_NAME).optional(),
  description: z.string().min(1).max(MEDIA_DESCRIPTION).optional(),
  classId: z.int().min(0).optional(),
  tags: z.array(oneLine(MEDIA_TAG)).max(MEDIA_TAGS).optional(),
  expireTime: expireTime.optional(),
  inherit: z.array(z.enum(INHERITABLE)).max(INHERITABLE.length).optional(),
  procedure: oneLine(PROCEDURE_NAME).optional(),
  prefetch: z.boolean().optional(),
});

/** Without `onTimeout`, an expired review stays open. */
const reviewSchema = closed({
  timeoutHours: z.number().gt(0).max(MAX_REVIEW_HOURS),
  onTimeout: z.enum(ON_REVIEW_TIMEOUT).default('hold'),
});

/** Input of the workflow `erase`. */
export const eraseRequestSchema = closed({
  fileId: fileIdSchema,
  subAppId: subAppIdSchema,
  recipe: recipeSchema,
  publish: publishSchema.optional(),
  review: reviewSchema.optional(),
  key: visible(KEY).optional(),
  requestedBy: oneLine(LONGEST_NAME).optional(),
  reason: oneLine(LONGEST_REASON).optional(),
  payAgain: closed({ token: visible(TOKEN), reason: oneLine(LONGEST_REASON) }).optional(),
  neverPay: z.literal(true).optional(),
  deadlineHours: z.number().gt(0).max(MAX_DEADLINE_HOURS).default(DEFAULT_DEADLINE_HOURS),
  batchId: visible(MAX_BATCH_ID).optional(),
  // A workflow id chosen by another client may contain tabs and line ends.
  rejectedFrom: spaced(WORKFLOW_ID).optional(),
  webhook: webhookSchema.optional(),
}) satisfies z.ZodType<NormalizedEraseRequest>;

export type ParsedEraseRequest = { ok: true; request: NormalizedEraseRequest } | { ok: false; problems: Problem[] };

/**
 * Validates a request from any source and fills in the defaults. Reports all errors at once. Parsing the result again gives the
 * same result.
 */
export function parseEraseRequest(json: unknown): ParsedEraseRequest {
  const broken = plainJsonProblems(json).filter(({ path }) => path !== 'fileId');
  if (broken.length > 0) {
    return { ok: false, problems: broken };
  }
  const parsed = eraseRequestSchema.safeParse(json, { reportInput: true });
  if (!parsed.success) {
    return { ok: false, problems: parsed.error.issues.flatMap(problemsOf) };
  }
  const request = normalize(parsed.data);
  // Its defaults are sent, too.
  const message = sizeProblem(json) ?? sizeProblem(request);
  return message === null ? { ok: true, request } : { ok: false, problems: [{ path: '', message }] };
}

/** The problem of a request above the size limit; null when it is within. */
export function sizeProblem(request: unknown): string | null {
  const bytes = Buffer.byteLength(JSON.stringify(request), 'utf8');
  if (bytes <= MAX_REQUEST_BYTES) return null;
  return `The request has ${bytes} bytes of JSON; at most ${MAX_REQUEST_BYTES} are allowed.`;
}

/** All problems as one text. */
export function problemsText(problems: readonly Problem[]): string {
  return problems.map((problem) => problem.message).join(' ');
}

/** Removes fields without an effect, so that two ways to write the same request are equal. */
function normalize(request: NormalizedEraseRequest): NormalizedEraseRequest {
  const { publish, ...rest } = request;
  const asked = publish === undefined ? null : normalizePublish(publish);
  return asked === null ? rest : { ...rest, publish: asked };
}

function normalizePublish(publish: PublishRequest): PublishRequest | null {
  const { tags, inherit, prefetch, ...asked } = publish;
  const result: PublishRequest = { ...asked };
  if (tags !== undefined && tags.length > 0) {
    result.tags = [...new Set(tags)];
  }
  if (inherit !== undefined && inherit.length > 0) {
    result.inherit = INHERITABLE.filter((field) => inherit.includes(field));
  }
  if (prefetch === true) {
    result.prefetch = true;
  }
  return Object.keys(result).length === 0 ? null : result;
}

/** Converts a zod issue into sentences that begin with the path. */
function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const sentences = issue.message.split('\n');
    return issue.keys.map((key, index) => {
      const path = pathText([...issue.path, key]);
      return { path, message: `${path} ${sentences[index]}` };
    });
  }
  const path = pathText(issue.path);
  const subject = path === '' ? 'The request' : path;
  return [{ path, message: `${subject}${sentenceOf(issue)}` }];
}

function sentenceOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.startsWith('Invalid input') ? typeSentence(issue) : ` ${issue.message}`;
    case 'too_big':
      return sizeSentence(issue.origin, 'at most', Number(issue.maximum), issue.input);
    case 'too_small':
      return issue.inclusive === false
        ? ` is ${issue.input}; it must be above ${issue.minimum}.`
        : sizeSentence(issue.origin, 'at least', Number(issue.minimum), issue.input);
    case 'invalid_value':
      return ` is ${shownValue(issue.input)}; it must be ${oneOf(issue.values)}.`;
    default:
      return ` ${issue.message}`;
  }
}

function typeSentence(issue: z.core.$ZodIssueInvalidType): string {
  if (issue.input === undefined) {
    return ' is missing.';
  }
  if (issue.input === null && issue.path.length > 0) {
    return ' is null; leave it out, or give it a value.';
  }
  const number = issue.expected === 'number' || issue.expected === 'int';
  if (number && typeof issue.input === 'number') {
    return ` is ${issue.input}; it must be a whole number.`;
  }
  const expected: Record<string, string> = {
    int: 'a whole number',
    array: 'a list',
    object: 'an object',
    boolean: 'true or false',
  };
  return ` is ${kindOf(issue.input)}; it must be ${expected[issue.expected] ?? `a ${issue.expected}`}.`;
}

function sizeSentence(origin: string, bound: string, limit: number, input: unknown): string {
  if (origin === 'string') {
    const has = (input as string).length;
    return has === 0 ? ' is empty.' : ` has ${has} characters; ${bound} ${limit} are allowed.`;
  }
  if (origin === 'array') {
    const has = (input as unknown[]).length;
    return has === 0 ? ' is empty; leave it out instead.' : ` has ${has} entries; ${bound} ${limit} are allowed.`;
  }
  return ` is ${String(input)}; ${bound} ${limit} is allowed.`;
}

function oneOf(values: readonly unknown[]): string {
  const texts = values.map((value) => JSON.stringify(value));
  const last = texts.pop() ?? '';
  return texts.length === 0 ? last : `${texts.join(', ')} or ${last}`;
}

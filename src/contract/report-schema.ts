/** Schemas of a batch's report, for programs that read it. */
import { z } from 'zod';
import { BATCH_ITEM_STATES } from './batch.js';
import { REPORT_SCHEMA_VERSION, type ReportItem, type ReportManifest } from './report.js';

const nullableText = z.string().nullable();
const usd = z.number().min(0).nullable();
const count = z.int().min(0);

/** A line of `succeeded.ndjson` and `failed.ndjson`. */
export const reportItemSchema = z.object({
  number: z.int().min(1),
  row: z.int().min(1).nullable(),
  state: z.enum(BATCH_ITEM_STATES),
  fileId: z.string(),
  subAppId: z.int(),
  recipe: z.looseObject({ name: z.string() }),
  recipeHash: z.string(),
  workflowId: z.string(),
  runId: nullableText,
  taskId: nullableText,
  resultFileId: nullableText,
  class: nullableText,
  code: nullableText,
  message: nullableText,
  requestId: nullableText,
  attempts: count,
  estimatedUsd: usd,
  costUsd: usd,
  startedAt: nullableText,
  endedAt: nullableText,
  requestedBy: nullableText,
  batchId: z.string(),
}) satisfies z.ZodType<ReportItem>;

/** `manifest.json`. */
export const reportManifestSchema = z.object({
  schemaVersion: z.literal(REPORT_SCHEMA_VERSION),
  batchId: z.string(),
  workflowId: z.string(),
  state: z.enum(['running', 'paused', 'draining', 'cancelling', 'ended']),
  endedAs: z.enum(['completed', 'failed', 'drained', 'cancelled', 'deadline']).nullable(),
  complete: z.boolean(),
  counts: z.object({
    pending: count,
    running: count,
    held: count,
    succeeded: count,
    reused: count,
    failed: count,
    timedOut: count,
    cancelled: count,
    skipped: count,
    total: count,
  }),
  estimatedUsd: usd,
  costUsd: z.number().min(0),
  settings: z.object({
    concurrency: count,
    tolerate: z.union([z.object({ percent: z.number() }), z.object({ count })]).nullable(),
    minSample: count,
    maxCostUsd: usd,
    sampleSize: count.nullable(),
    deadlineAt: nullableText,
  }),
  source: z.object({
    kind: z.enum(['csv', 'ndjson', 'library', 'batch', 'adopted', 'requests']),
    name: z.string(),
    sha256: nullableText,
    rows: count,
  }),
  parent: z.object({ batchId: z.string(), relation: z.string() }).nullable(),
  requestedBy: nullableText,
  reason: nullableText,
  createdAt: z.string(),
  endedAt: nullableText,
  writtenAt: z.string(),
  files: z.array(z.object({ name: z.string(), items: count, bytes: count, sha256: z.string() })),
}) satisfies z.ZodType<ReportManifest>;

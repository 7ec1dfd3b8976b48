/** Writes the contract as JSON Schemas into `schema/`, for clients in other languages. `npx tsx tools/make-schemas.ts` */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  eraseFailureSchema,
  eraseResultSchema,
  eraseStatusSchema,
  operatorDecisionSchema,
  retryDecisionSchema,
  reviewRejectionSchema,
} from '../src/contract/answer-schema.js';
import { eraseEventSchema } from '../src/contract/event-schema.js';
import { reportItemSchema, reportManifestSchema } from '../src/contract/report-schema.js';
import { eraseRequestSchema } from '../src/contract/request-schema.js';

const SCHEMA_DIR = fileURLToPath(new URL('../schema/', import.meta.url));

const SCHEMAS = {
  'erase-request': { title: 'Input of the workflow erase', schema: eraseRequestSchema },
  'erase-result': { title: 'Output of the workflow erase', schema: eraseResultSchema },
  'erase-failure': { title: 'details[0] of the failure that ends a run', schema: eraseFailureSchema },
  'erase-status': { title: 'Answer of the query status', schema: eraseStatusSchema },
  'erase-event': { title: 'Body of a webhook', schema: eraseEventSchema },
  'operator-decision': {
    title: 'Argument of the updates skip, abort and approve',
    schema: operatorDecisionSchema,
  },
  'retry-decision': { title: 'Argument of the update retry', schema: retryDecisionSchema },
  'report-manifest': { title: 'manifest.json in the report of a batch', schema: reportManifestSchema },
  'report-item': {
    title: 'A line of succeeded.ndjson and failed.ndjson in the report of a batch',
    schema: reportItemSchema,
  },
  'review-rejection': { title: 'Argument of the update reject', schema: reviewRejectionSchema },
} as const;

/** File name → text, as it has to stand in `schema/`. */
export function schemaFiles(): Map<string, string> {
  return new Map(
    Object.entries(SCHEMAS).map(([name, { title, schema }]) => {
      const file = `${name}.schema.json`;
      const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' });
      return [file, `${JSON.stringify({ $schema, $id: file, title, ...rest }, null, 2)}\n`];
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(SCHEMA_DIR, { recursive: true });
  for (const [file, text] of schemaFiles()) {
    writeFileSync(`${SCHEMA_DIR}${file}`, text);
  }
}

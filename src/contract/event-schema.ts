/** Schema of a webhook's body, for receivers in other languages. */
import { z } from 'zod';
import { eraseFailureSchema, eraseResultSchema, eraseStatusSchema } from './answer-schema.js';
import { type EraseEvent, EVENT } from './erase-event.js';

const nullableText = z.string().nullable();

/** Body of a webhook. Fields may be added; a receiver must ignore unknown ones. */
export const eraseEventSchema = z.object({
  type: z.enum(EVENT),
  timestamp: z.string(),
  data: z.object({
    workflowId: z.string(),
    runId: z.string(),
    sourceFileId: nullableText,
    taskId: nullableText,
    resultFileId: nullableText,
    result: eraseResultSchema.optional(),
    failure: eraseFailureSchema.optional(),
    held: eraseStatusSchema.shape.held.unwrap().optional(),
  }),
}) satisfies z.ZodType<EraseEvent>;

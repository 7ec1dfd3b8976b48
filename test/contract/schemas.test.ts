import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { eraseFailureSchema, eraseStatusSchema, operatorDecisionSchema } from '../../src/contract/answer-schema.js';
import { schemaFiles } from '../../tools/make-schemas.js';

const DIR = new URL('../../schema/', import.meta.url);

describe('the JSON Schemas', () => {
  const files = schemaFiles();

  test.each([...files.keys()])('%s is what `npx tsx tools/make-schemas.ts` writes', (file) => {
    expect(readFileSync(new URL(file, DIR), 'utf8')).toBe(files.get(file));
  });

  test('are all there are', () => {
    expect(readdirSync(DIR).sort()).toEqual([...files.keys()].sort());
  });

  test('say that a FileId is a string and unknown fields are refused', () => {
    const schema = JSON.parse(files.get('erase-request.schema.json') ?? '') as {
      properties: { fileId: { type: string } };
      additionalProperties: boolean;
      required: string[];
    };
    expect(schema.properties.fileId.type).toBe('string');
    expect(schema.additionalProperties).toBe(false);
    expect(schema.required).toEqual(['fileId', 'subAppId', 'recipe']);
  });
});

describe('the shapes of answers', () => {
  test('take what the workflow says', () => {
    const failure = { class: 'input', code: null, requestId: null, taskId: null, message: 'm', moneySpent: false };
    expect(eraseFailureSchema.safeParse(failure).success).toBe(true);
    expect(eraseFailureSchema.safeParse({ ...failure, class: 'odd' }).success).toBe(false);
    const status = {
      phase: 'held',
      fileId: '1',
      taskId: null,
      resultFileId: null,
      waitingFor: 'an operator',
      held: { class: 'account', code: 'X', message: 'm', requestId: null, since: '2026-01-01T00:00:00Z' },
      review: null,
      submittedAt: null,
      deadlineAt: null,
      reused: false,
      moneySpent: false,
    };
    expect(eraseStatusSchema.safeParse(status).success).toBe(true);
    expect(operatorDecisionSchema.safeParse({ by: 'op', reason: '' }).success).toBe(false);
  });
});

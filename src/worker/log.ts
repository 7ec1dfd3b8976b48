import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, type LogEntry, type Logger } from '@temporalio/worker';
import type { Settings } from '../config/settings.js';
import { type LineLevel, logLines } from './log-lines.js';
import type { Redact } from './redact.js';

/** The logged fields of an error. The stack is included only for unexpected errors. */
interface LoggedError {
  type: string;
  message: string;
  stack?: string;
}

/** Fields of our failures, lifted to the top level of the entry for searches. */
const HOISTED_FIELDS = ['class', 'code', 'taskId', 'requestId'] as const;

/**
 * The worker's logger for the Temporal SDK, with workflow id, TaskId and RequestId where known. The settings' secrets are removed
 * from every line.
 */
export function workerLogger(log: Settings['log'], redact: Redact, write?: (line: string) => void): Logger {
  const entry = logLines(log, redact, write);
  const sdkLevel = log.level === 'fatal' || log.level === 'silent' ? 'ERROR' : log.level.toUpperCase();
  return new DefaultLogger(sdkLevel as 'INFO', ({ level, message, meta }: LogEntry) => {
    entry(level.toLowerCase() as LineLevel, message, fieldsOf(meta ?? {}));
  });
}

function fieldsOf(meta: Record<string | symbol, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(meta)) fields[name] = value instanceof Error ? errorOf(value) : value;
  const { error } = meta;
  const details: unknown = error instanceof ApplicationFailure ? error.details?.[0] : undefined;
  if (typeof details === 'object' && details !== null) {
    for (const name of HOISTED_FIELDS) {
      const value: unknown = (details as Record<string, unknown>)[name];
      if (typeof value === 'string') fields[name] = value;
    }
  }
  return fields;
}

function errorOf(error: Error): LoggedError {
  if (error instanceof ApplicationFailure) return { type: error.type ?? error.name, message: error.message };
  return { type: error.name, message: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }) };
}

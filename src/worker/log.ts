import { ApplicationFailure } from '@temporalio/common';
import { DefaultLogger, type LogEntry, type Logger } from '@temporalio/worker';
import { type DestinationStream, pino } from 'pino';
import type { Settings } from '../config/settings.js';
import type { Redact } from './redact.js';

/** What a line tells of an error. The stack only where nobody threw it on purpose. */
interface LoggedError {
  type: string;
  message: string;
  stack?: string;
}

/** Fields that a failure of ours has, lifted to where a search for them looks first. */
const LIFTED = ['class', 'code', 'taskId', 'requestId'] as const;

/**
 * The log of a worker: one line of JSON for each entry, with the workflow id, and with TaskId and RequestId where they
 * are known; every line without the secrets of the settings.
 */
export function workerLogger(
  { level, format }: Settings['log'],
  redact: Redact,
  stream: DestinationStream = pino.destination(2),
): Logger {
  const write = { write: (line: string) => stream.write(redact(line)) };
  const formatters = { level: (label: string) => ({ level: label }) };
  const log = pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime, formatters }, write);
  const sdkLevel = level === 'fatal' || level === 'silent' ? 'ERROR' : level.toUpperCase();
  return new DefaultLogger(sdkLevel as 'INFO', (entry: LogEntry) => {
    const fields = fieldsOf(entry.meta ?? {});
    const method = entry.level.toLowerCase() as 'info';
    if (format === 'json') log[method](fields, entry.message);
    else if (level !== 'silent') write.write(`${entry.level.padEnd(5)} ${entry.message} ${JSON.stringify(fields)}\n`);
  });
}

function fieldsOf(meta: Record<string | symbol, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(meta)) fields[name] = value instanceof Error ? errorOf(value) : value;
  const { error } = meta;
  const details: unknown = error instanceof ApplicationFailure ? error.details?.[0] : undefined;
  if (typeof details === 'object' && details !== null) {
    for (const name of LIFTED) {
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

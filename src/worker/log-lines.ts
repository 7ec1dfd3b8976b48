import { pino } from 'pino';
import type { Settings } from '../config/settings.js';
import { visibleJson, visibleText } from '../contract/text.js';
import { stderr } from '../process/standard-streams.js';
import type { Redact } from './redact.js';

export type LineLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** Writes one log entry. */
export type WriteEntry = (level: LineLevel, message: string, fields?: Record<string, unknown>) => void;

/**
 * A log with one line per entry: JSON, or `pretty` for a person. Removes secrets known to `redact`, and escapes control characters.
 */
export function logLines(
  { level, format }: Settings['log'],
  redact: Redact,
  write: (line: string) => void = writeToStderr,
): WriteEntry {
  const out = (line: string) => write(redact(line));
  const formatters = { level: (label: string) => ({ level: label }) };
  const log = pino(
    { level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime, formatters },
    { write: (line) => out(visibleJson(line)) },
  );
  return (entryLevel, message, fields = {}) => {
    if (format === 'json') log[entryLevel](fields, message);
    else if (log.isLevelEnabled(entryLevel)) {
      const rest = Object.keys(fields).length === 0 ? '' : ` ${visibleJson(JSON.stringify(fields))}`;
      out(`${entryLevel.toUpperCase().padEnd(5)} ${visibleText(message)}${rest}\n`);
    }
  };
}

function writeToStderr(line: string): void {
  stderr.writeLog(line, (lines) => {
    const entry = { level: 'warn', time: new Date().toISOString(), msg: `${lines} lines of this log were dropped.` };
    return `${JSON.stringify(entry)}\n`;
  });
}

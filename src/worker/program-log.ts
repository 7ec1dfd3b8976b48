import { loadLogSettings } from '../config/settings.js';
import { stderr, stdout } from '../process/standard-streams.js';
import { logLines, type WriteEntry } from './log-lines.js';
import { type Redact, redactor } from './redact.js';

/** The log of a worker that runs as a program: everything that the process prints becomes an entry. */
export interface ProgramLog {
  /** False: the log is for a person, and problems are explained in sentences. */
  readonly json: boolean;
  readonly write: WriteEntry;
  /** Removes these secrets from every later line. */
  hide(secrets: readonly string[]): void;
}

/**
 * Opens the log before any other output: Node warnings, console output of libraries and uncaught errors become entries. Node's
 * native out-of-memory output is not captured.
 */
export function openProgramLog(env: NodeJS.ProcessEnv): ProgramLog {
  const { level, format } = loadLogSettings(env);
  // A fatal error is logged even at level `silent`.
  const settings = { format, level: level === 'silent' ? ('fatal' as const) : level };
  let redact: Redact = (text) => text;
  const write = logLines(settings, (text) => redact(text));
  for (const [stream, printedOn] of [
    [stdout, 'stdout'],
    [stderr, 'stderr'],
  ] as const) {
    stream.takeOver((line) => write('warn', line, { printedOn }));
  }
  takeOverWarnings(write);
  process.on('uncaughtException', (error: unknown) => {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    write('fatal', 'An error that nobody caught ends this worker.', { error: { type: name, message, stack } });
    void stderr.flush().finally(() => process.exit(1));
  });
  return {
    json: settings.format === 'json',
    write,
    hide: (secrets) => {
      redact = redactor(secrets);
    },
  };
}

function takeOverWarnings(write: WriteEntry): void {
  // Node's own listener bypasses our streams. Threads that start later read the variable.
  process.removeAllListeners('warning');
  process.env.NODE_NO_WARNINGS = '1';
  process.on('warning', ({ name, message, ...rest }) => {
    const { code } = rest as { code?: string };
    write('warn', message, { warning: name, ...(code === undefined ? {} : { code }) });
  });
}

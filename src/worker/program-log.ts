import { loadLogSettings } from '../config/settings.js';
import { stderr, stdout } from '../process/standard-streams.js';
import { logLines, type WriteEntry } from './log-lines.js';
import { type Redact, redactor } from './redact.js';

/** The log of a worker that is a program of its own: everything that this process prints is an entry of it. */
export interface ProgramLog {
  /** False: the log is for a person, who is told what is wrong in sentences. */
  readonly json: boolean;
  readonly write: WriteEntry;
  /** From now on no line has one of these. */
  hide(secrets: readonly string[]): void;
}

/**
 * Begins the log, before anything else can print: warnings of Node, what libraries write to the console, and errors that nobody
 * caught become entries. What the machine code of Node itself prints when it is out of memory stays as it is.
 */
export function openProgramLog(env: NodeJS.ProcessEnv): ProgramLog {
  const { level, format } = loadLogSettings(env);
  // What ends the process is told even where everything else is to be silent.
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
  // Node's own listener prints past the streams of this process; threads that start later read the variable.
  process.removeAllListeners('warning');
  process.env.NODE_NO_WARNINGS = '1';
  process.on('warning', ({ name, message, ...rest }) => {
    const { code } = rest as { code?: string };
    write('warn', message, { warning: name, ...(code === undefined ? {} : { code }) });
  });
}

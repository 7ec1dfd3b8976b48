import { ERROR_CLASSES, EXIT, type ExitCode } from '../contract/error-classes.js';
import { ConfigurationError, EraseError, InvalidRequestError } from '../errors.js';
import { Exit, UsageError } from './exit.js';
import { loaderProblem } from './native-parts.js';

export interface Explanation {
  exitCode: ExitCode;
  /** What is wrong, one sentence a line. */
  what: readonly string[];
  /** Ids for support: `RequestId …`. */
  ids: readonly string[];
  /** Recommended action; null where `what` includes it. */
  advice: string | null;
}

/** Explains an error to a person. */
export function explain(error: unknown): Explanation {
  if (error instanceof UsageError) {
    return { exitCode: error.exitCode, what: [error.message], ids: [], advice: error.advice };
  }
  if (error instanceof EraseError) {
    const several = error instanceof ConfigurationError || error instanceof InvalidRequestError;
    return {
      exitCode: error.exitCode,
      what: several ? error.problems : [error.message],
      ids: idsOf(error),
      advice: error.advice === '' ? null : error.advice,
    };
  }
  return explainForeign(error);
}

/** Errors of modules without this package's error classes, by their fields. */
function explainForeign(error: unknown): Explanation {
  const { name, code, kind, message } = (error ?? {}) as Record<string, unknown>;
  const what = [typeof message === 'string' ? message : String(error)];
  if (name === 'LedgerError') {
    const exitCode =
      kind === 'unavailable' ? EXIT.temporary : kind === 'unexpected' ? EXIT.unexpected : EXIT.configuration;
    return { exitCode, what, ids: [], advice: null };
  }
  if (name === 'VodError') {
    const errorClass = (error as { class?: keyof typeof ERROR_CLASSES }).class ?? 'unexpected';
    const row = ERROR_CLASSES[errorClass] ?? ERROR_CLASSES.unexpected;
    return { exitCode: row.exitCode, what, ids: [], advice: row.advice };
  }
  if (code === 'EADDRINUSE') {
    const { address, port } = error as { address?: string; port?: number };
    return {
      exitCode: EXIT.configuration,
      what: [`Port ${port ?? '?'}${address ? ` of ${address}` : ''} is in use by another program.`],
      ids: [],
      advice: 'Give another port, or 0 for any free one.',
    };
  }
  const loader = loaderProblem(error);
  if (loader !== null) {
    return { exitCode: EXIT.configuration, what: [loader.what], ids: [], advice: loader.advice };
  }
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') {
    return { exitCode: EXIT.configuration, what, ids: [], advice: 'Run `npm install` and `npm run build`.' };
  }
  return {
    exitCode: EXIT.unexpected,
    what,
    ids: [],
    advice: 'This should not happen. Run it again with SMART_ERASE_DEBUG=1 and report what it prints.',
  };
}

function idsOf(error: EraseError): string[] {
  const ids = [`class ${error.class}`];
  if (error.code !== null) ids.push(`code ${error.code}`);
  if (error.requestId !== null) ids.push(`RequestId ${error.requestId}`);
  if (error.taskId !== null) ids.push(`TaskId ${error.taskId}`);
  if (error.workflowId !== null) ids.push(`workflow ${error.workflowId}`);
  if (error.moneySpent) ids.push('money was spent');
  return ids.length === 1 ? [] : ids;
}

/** Prints an error on stderr, without a stack trace unless SMART_ERASE_DEBUG=1. @returns the exit code */
export function printError(error: unknown, say: (line: string) => void): ExitCode {
  if (error instanceof Exit) return error.code;
  const { exitCode, what, ids, advice } = explain(error);
  if (what.length === 1) say(`smart-erase: ${what[0]}`);
  else {
    say(`smart-erase: ${what.length} things are wrong:`);
    for (const line of what) say(`  - ${line}`);
  }
  if (ids.length > 0) say(`  ${ids.join(' · ')}`);
  if (advice !== null) say(`  What to do: ${advice}`);
  if (process.env.SMART_ERASE_DEBUG === '1' && error instanceof Error) say(error.stack ?? '');
  return exitCode;
}

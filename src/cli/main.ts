#!/usr/bin/env node
import { CommanderError } from 'commander';
import { EXIT, type ExitCode } from '../contract/error-classes.js';
import { stderr, stdout } from '../process/standard-streams.js';
import { printError } from './error-printer.js';
import { sayLine } from './output.js';
import { buildProgram } from './program.js';
import { unwritten } from './unwritten.js';

async function main(): Promise<ExitCode> {
  try {
    await buildProgram().parseAsync(process.argv);
    return EXIT.ok;
  } catch (error) {
    // The parser has already printed its message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return printError(error, sayLine);
  }
}

/** 0 requires that the result was written; a pipe may be slow, and a disk may be full. */
async function withResultWritten(exitCode: ExitCode): Promise<ExitCode> {
  await stdout.flush();
  const problem = unwritten(stdout);
  if (problem === null) return exitCode;
  const unwrittenCode = printError(problem, sayLine);
  return exitCode === EXIT.ok ? unwrittenCode : exitCode;
}

const exitCode = await withResultWritten(await main());
await stderr.flush();
process.exit(exitCode);

#!/usr/bin/env node
import { CommanderError } from 'commander';
import { EXIT, type ExitCode } from '../contract/error-classes.js';
import { printError } from './error-printer.js';
import { buildProgram } from './program.js';

/** What a pipe that nobody reads any more (`| head`) says; there is nobody left to tell. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
}

async function main(): Promise<ExitCode> {
  try {
    await buildProgram().parseAsync(process.argv);
    return EXIT.ok;
  } catch (error) {
    // The parser has printed its message by now.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return printError(error, (line) => process.stderr.write(`${line}\n`));
  }
}

const exitCode = await main();
// Written out first: a pipe takes its time, and exit() does not wait for it.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));

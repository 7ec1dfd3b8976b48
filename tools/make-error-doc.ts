/** Writes docs/errors.md from the tables that the program runs by. `npx tsx tools/make-error-doc.ts` */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  ERROR_CLASSES,
  type ErrorClass,
  type ErrorClassRow,
  EXIT,
  type ExitCode,
  type Reaction,
  retryDelayMs,
} from '../src/contract/error-classes.js';
import { ERROR_CODES, type ErrorCodeRow, NETWORK_CODES } from '../src/tencent-vod/error-codes.js';

const ERROR_DOC = fileURLToPath(new URL('../docs/errors.md', import.meta.url));

const REACTIONS: Readonly<Record<Reaction, string>> = {
  fail: 'ends the run; never sent again',
  retry: 'sent again after a delay, for as long as it takes: the vendor did not execute it',
  look: 'it may have been executed: the task is looked for before anything is sent again',
  hold: 'stops for an operator: nothing is lost, nothing is sent',
};

const EXIT_MEANING: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done, and the result is written',
  unexpected: 'a defect in this program',
  usage: 'the command line was not understood',
  badInput: 'the input is wrong',
  configuration: 'credentials or a setting are missing or wrong',
  temporary: 'try again later',
  finishedWithFailures: 'finished, but not everything succeeded',
  accountBlocked: 'the account cannot make the call',
  stillRunning: 'it still runs',
  nothingToDo: 'there was nothing to do',
  capReached: 'a cap was reached',
  interrupted: 'interrupted',
};

/** The document, as it has to stand in docs/errors.md. */
export function errorDoc(): string {
  return `# Errors

This page is made from the tables in \`src/contract/error-classes.ts\` and \`src/tencent-vod/error-codes.ts\` by
\`npx tsx tools/make-error-doc.ts\`; a test fails when it is stale. To add a vendor code, add a row there and run it.

Every error has a **class**. The class decides what the program does; the vendor's code only leads to the class. An
error that ends a run carries \`{class, code, requestId, taskId, message, moneySpent}\`.

## What the program does

| reaction | meaning |
| --- | --- |
${rows(Object.entries(REACTIONS).map(([reaction, meaning]) => [`\`${reaction}\``, meaning]))}

The delay doubles from its first value to its longest. For a file that the vendor calls busy (\`ResourceInUse\`, on the paid call) the
longest is 5 minutes, and only answers that call it busy are counted. Nothing is retried inside of a vendor call, with one exception:
a call that was refused because its signature was too old is signed anew, once.

## Classes

| class | meaning | on the paid call | on other calls | delays | exit code | what to do |
| --- | --- | --- | --- | --- | --- | --- |
${rows(Object.keys(ERROR_CLASSES).map((name) => classRow(name as ErrorClass)))}

## Exit codes

| code | meaning | classes |
| --- | --- | --- |
${rows(Object.entries(EXIT).map(([name, code]) => [String(code), EXIT_MEANING[name as keyof typeof EXIT], classesWith(code)]))}

## Codes of the vendor

A code that is not listed is judged by the part before its dot; when that is not known either, it is \`ambiguous\`. Texts
of the vendor change, and nothing depends on them.

| code | class | meaning |
| --- | --- | --- |
${rows(ERROR_CODES.map(codeRow))}

## When there is no answer that can be read

| code | class | meaning |
| --- | --- | --- |
${rows(NETWORK_CODES.map(codeRow))}
`;
}

function rows(cells: readonly (readonly string[])[]): string {
  return cells.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function classRow(name: ErrorClass): string[] {
  const row: ErrorClassRow = ERROR_CLASSES[name];
  const { meaning, onSubmit, onRead, exitCode, advice, delays } = row;
  const retried = onSubmit === 'retry' || onRead === 'retry' || onSubmit === 'look';
  const wait = retried ? `${seconds(retryDelayMs(name, 1))} to ${seconds(delays.maxMs)}` : '';
  return [`\`${name}\``, meaning, onSubmit, onRead, wait, String(exitCode), advice];
}

function seconds(ms: number): string {
  return `${ms / 1_000} s`;
}

function classesWith(code: ExitCode): string {
  const names = Object.entries(ERROR_CLASSES).filter(([, row]) => row.exitCode === code);
  return names.map(([name]) => `\`${name}\``).join(', ');
}

function codeRow(row: ErrorCodeRow): string[] {
  const where = row.only === undefined ? '' : ` (${row.only})`;
  return [`\`${row.code}\`${where}`, `\`${row.class}\``, row.line];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(ERROR_DOC, errorDoc());
}

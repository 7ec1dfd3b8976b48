import { Command } from 'commander';
import type { EraseClient, EraseRequest } from '../../client.js';
import { EXIT, type ExitCode } from '../../contract/error-classes.js';
import { outputOf, withClient } from '../command-context.js';
import { type ErasePrinted, OUTCOME_COLUMNS, printedFailure, RESULT_COLUMNS } from '../erase-output.js';
import { requestsOf, type StartOptions } from '../erase-requests.js';
import { explain } from '../error-printer.js';
import { Exit } from '../exit.js';
import { interruptible } from '../interrupt.js';
import { positiveInteger, positiveNumber } from '../option-parsers.js';
import type { Output } from '../output.js';
import { whoIsHere } from '../who-and-why.js';

const EXAMPLES = `
Examples:
  smart-erase start 5285485487985271487 --recipe subtitles --wait
  smart-erase start 5285485487985271487 5285485487985271488 --recipe logo
  smart-erase start 5285485487985271487 --recipe subtitles \\
    --recipe-json '{"areas": [{"left": 0, "top": 0.8, "right": 0.9999, "bottom": 0.9999}]}' \\
    --publish '{"inherit": ["name", "tags"]}' --key order-17 --wait -o json

Starting the same erase again gives the run that exists, running or done: nothing is paid twice.`;

export function startCommand(): Command {
  return new Command('start')
    .description('start an erase of one or more files')
    .argument('<fileId...>', 'FileIds of the source media')
    .option('--recipe <name>', 'what to erase; see `smart-erase recipes`')
    .option("--recipe-json <json|'@file'>", "the recipe's options")
    .option("--publish <json|'@file'>", 'what to do with the new file')
    .option("--review <json|'@file'>", 'wait for a decision on the result, such as {"timeoutHours": 24}')
    .option(
      "--webhook <json|'@file'>",
      'tell a service what becomes of it: {"url": …, "secret": its name at the workers}',
    )
    .option('--key <key>', 'your own id for this erase; becomes part of the workflow id')
    .option('--sub-app-id <number>', 'VOD sub-application (default: VOD_SUB_APP_ID)', positiveInteger)
    .option('--requested-by <who>', 'who asked; kept in the ledger', whoIsHere())
    .option('--deadline-hours <hours>', 'in which the task must end (default: 24)', positiveNumber)
    .option('--pay-again <token>', 'pay for it again; a token pays once')
    .option('--reason <text>', 'why; kept in the ledger (--pay-again needs it)')
    .option('--wait', 'wait until all have ended')
    .addHelpText('after', EXAMPLES)
    .action(async (fileIds: string[], options: StartOptions, command: Command) => {
      const output = outputOf(command);
      const requests = await requestsOf(fileIds, options);
      await withClient((client) =>
        options.wait ? startAndWait(output, client, requests) : startOnly(output, client, requests),
      );
    });
}

async function startOnly(output: Output, client: EraseClient, requests: readonly EraseRequest[]): Promise<void> {
  const { startAll } = await import('../follow-erases.js');
  const { begun, notBegun } = await startAll(client, requests);
  const [refused] = notBegun;
  if (requests.length === 1 && refused) throw refused.error;
  const rows = begun.map(({ request, handle }) => ({
    fileId: request.fileId,
    workflowId: handle.workflowId,
    runId: handle.runId ?? null,
    started: handle.started ?? null,
  }));
  const columns = [
    { heading: 'SOURCE FILE', of: (row: (typeof rows)[number]) => row.fileId },
    { heading: 'WORKFLOW', of: (row: (typeof rows)[number]) => row.workflowId },
    { heading: '', of: (row: (typeof rows)[number]) => (row.started ? 'started' : 'exists already') },
  ];
  const [only] = rows;
  if (only && requests.length === 1 && output.format !== 'table') output.one(only, []);
  else output.rows(rows, columns);
  for (const { request, error } of notBegun) output.say(`${request.fileId}: ${error.message}`);
  if (notBegun.length > 0) throw new Exit(EXIT.finishedWithFailures);
}

async function startAndWait(output: Output, client: EraseClient, requests: readonly EraseRequest[]): Promise<void> {
  const { startAll, waitForAll } = await import('../follow-erases.js');
  const { eraseWorkflowId } = await import('../../contract/identity.js');
  const { validRequest } = await import('../../client/validate.js');
  const { loadPrefix } = await import('../../config/temporal-settings.js');
  const prefix = loadPrefix(process.env);
  const ids = requests.map((request) => eraseWorkflowId(validRequest(request), prefix));
  const comeBack = () => {
    output.say(`The erase${ids.length === 1 ? ' goes' : 's go'} on. Come back with:`);
    for (const id of ids.slice(0, 5)) output.say(`  smart-erase result ${id} --wait`);
    if (ids.length > 5) output.say('  smart-erase list');
  };
  const single = requests.length === 1;
  const startThenWait = async (signal: AbortSignal) => {
    const { begun, notBegun } = await startAll(client, requests);
    const [refused] = notBegun;
    if (single && refused) throw refused.error;
    const early = notBegun.map(({ request, error }) => ({
      printed: printedFailure(error, error.workflowId ?? '', request.fileId) as ErasePrinted,
      error,
    }));
    const streamed = output.format === 'jsonl' ? (printed: ErasePrinted) => output.line(printed) : undefined;
    for (const { printed } of early) streamed?.(printed);
    return [...early, ...(await waitForAll(output, begun, { signal, onEnd: streamed }))];
  };
  const ends = await interruptible(comeBack, startThenWait, { onlyShows: true });
  const [end] = ends;
  if (single && end) {
    if (end.error === null) {
      if (output.format !== 'jsonl') output.one(end.printed as never, RESULT_COLUMNS);
      return;
    }
    if (output.format === 'json') output.one(end.printed, []);
    throw end.error;
  }
  if (output.format !== 'jsonl')
    output.rows(
      ends.map(({ printed }) => printed),
      OUTCOME_COLUMNS,
    );
  const failures = ends.filter(({ error }) => error !== null);
  if (failures.length > 0) {
    const held = failures.filter(({ error }) => error?.class === 'cap').length;
    if (failures.length > held) output.say(`${failures.length - held} of ${ends.length} failed.`);
    if (held > 0) output.say(`${held} of ${ends.length} are held by a cap: see \`smart-erase cap list\`.`);
    const codes = new Set(failures.map(({ error }) => explain(error).exitCode));
    throw new Exit(exitOf(codes));
  }
}

/** Several erases exit with 6 when any failed, unless the account or a cap blocks all of them. */
function exitOf(codes: ReadonlySet<ExitCode>): ExitCode {
  const [only] = codes;
  const inTheWay = codes.size === 1 && (only === EXIT.accountBlocked || only === EXIT.capReached);
  return inTheWay ? only : EXIT.finishedWithFailures;
}

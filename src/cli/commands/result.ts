import { Command } from 'commander';
import type { EraseError, EraseHandle, EraseResult } from '../../client.js';
import { EXIT } from '../../contract/error-classes.js';
import { outputOf, withClient } from '../command-context.js';
import { printedFailure, RESULT_COLUMNS } from '../erase-output.js';
import { Exit } from '../exit.js';
import { capHolding, watchForCap } from '../held-by-cap.js';
import { interruptible } from '../interrupt.js';

export function resultCommand(): Command {
  return new Command('result')
    .description('print the result of an erase')
    .argument('<id>', 'its workflow id')
    .option('--wait', 'wait for it, unless a cap holds it; without, a run that is not done ends with exit code 8')
    .addHelpText('after', '\nExample:\n  smart-erase result erase/key/order-17 --wait -o json')
    .action(async (id: string, { wait = false }: { wait?: boolean }, command: Command) => {
      const output = outputOf(command);
      const { EraseError, EraseStillRunningError } = await import('../../client.js');
      await interruptible(
        () => output.say(`The erase goes on. Come back with: smart-erase result ${id} --wait`),
        (signal) =>
          withClient(async (client) => {
            try {
              const result = await resultOrCap(client.getHandle(id), wait, signal);
              output.one(result, RESULT_COLUMNS);
            } catch (error) {
              if (error instanceof EraseStillRunningError) {
                output.say(error.message);
                throw new Exit(EXIT.stillRunning);
              }
              // Only a run's own failure is a result; a missing or unreachable run is not.
              if (output.format !== 'table' && error instanceof EraseError && error.class !== 'unavailable') {
                if (error.code !== 'NotFound') output.one(printedFailure(error, id, null), []);
              }
              throw error;
            }
          }),
        { onlyShows: true },
      );
    });
}

/** The result; or, if a cap holds the erase, an error of class `cap`, because only an operator can release it. */
async function resultOrCap(handle: EraseHandle, wait: boolean, signal: AbortSignal): Promise<EraseResult> {
  const { EraseStillRunningError } = await import('../../client.js');
  const giveUp = new AbortController();
  let cap: EraseError | null = null;
  const stopWatching = wait
    ? watchForCap(
        () => [handle],
        (held) => {
          cap = held.get(handle.workflowId) ?? null;
          giveUp.abort();
        },
      )
    : undefined;
  try {
    return await handle.result({ wait, signal: AbortSignal.any([signal, giveUp.signal]) });
  } catch (error) {
    if (error instanceof EraseStillRunningError) cap = await capHolding(handle);
    throw cap ?? error;
  } finally {
    stopWatching?.();
  }
}

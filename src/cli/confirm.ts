import { createInterface } from 'node:readline';
import { EXIT } from '../contract/error-classes.js';
import { Exit, UsageError } from './exit.js';
import type { Output } from './output.js';

/**
 * Asks before a payment. Without a terminal, or with --no-input, `--yes` is required.
 * @throws UsageError, Exit when the answer is no
 */
export async function confirm(output: Output, question: string, { yes }: { yes: boolean }): Promise<void> {
  if (yes) return;
  if (!output.input || !output.canAsk)
    throw new UsageError('Nobody can be asked here.', 'Look at the totals, then give --yes.');
  output.ask(`${question} [y/N]`);
  if (/^y(es)?$/i.test((await answer()).trim())) return;
  output.say('Nothing was started.');
  throw new Exit(EXIT.nothingToDo);
}

/** The next line; empty when the input ends or the terminal closes. */
async function answer(): Promise<string> {
  // Without `output`, the terminal itself echoes the input.
  const lines = createInterface({ input: process.stdin, terminal: false });
  process.stdin.once('error', () => lines.close());
  try {
    return await new Promise<string>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
    });
  } finally {
    lines.close();
  }
}

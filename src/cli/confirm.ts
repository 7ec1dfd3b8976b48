import { createInterface } from 'node:readline/promises';
import { EXIT } from '../contract/error-classes.js';
import { Exit, UsageError } from './exit.js';
import type { Output } from './output.js';

/**
 * Asks before something that costs money. Off a terminal, and with --no-input, nobody can be asked: `--yes` has to say so.
 * @throws UsageError, Exit when the answer is no
 */
export async function confirm(output: Output, question: string, { yes }: { yes: boolean }): Promise<void> {
  if (yes) return;
  if (!output.input) throw new UsageError('Nobody can be asked here.', 'Look at the totals, then give --yes.');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // Without this the end of the input would leave the question open for ever.
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `), closed]);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    lines.close();
  }
  output.say('Nothing was started.');
  throw new Exit(EXIT.nothingToDo);
}

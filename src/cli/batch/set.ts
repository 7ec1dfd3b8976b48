import { Command } from 'commander';
import type { BatchSettings } from '../../contract/batch.js';
import { outputOf } from '../command-context.js';
import { UsageError } from '../exit.js';
import { decisionOf } from '../holds.js';
import { nonNegativeNumber, positiveInteger } from '../option-parsers.js';
import { type ChangeOptions, change, withChangeOptions } from './control.js';
import { tolerated } from './parse.js';

interface SetOptions extends ChangeOptions {
  concurrency?: number;
  tolerate?: BatchSettings['tolerate'] | 'any';
  maxCost?: number | 'none';
}

export function batchSetCommand(): Command {
  return withChangeOptions(new Command('set').description('change the limits of a batch that runs'))
    .option('--concurrency <n>', 'most runs in flight', positiveInteger)
    .option('--tolerate <share>', 'failures that are tolerated: 5%, a number, or any', tolerated)
    .option('--max-cost <usd>', 'its budget in USD, by estimate, or none', budget)
    .addHelpText(
      'after',
      '\nExample:\n  smart-erase batch set library-2026-05 --max-cost 800 --reason "approved by K."',
    )
    .action(async (id: string, { concurrency, tolerate, maxCost, ...options }: SetOptions, command: Command) => {
      const settings: Partial<Pick<BatchSettings, 'concurrency' | 'tolerate' | 'maxCostUsd'>> = {};
      if (concurrency !== undefined) settings.concurrency = concurrency;
      if (tolerate !== undefined) settings.tolerate = tolerate === 'any' ? null : tolerate;
      if (maxCost !== undefined) settings.maxCostUsd = maxCost === 'none' ? null : maxCost;
      if (Object.keys(settings).length === 0) {
        throw new UsageError('Say what to change: --concurrency N, --tolerate SHARE, --max-cost USD.');
      }
      await change(outputOf(command), id, { action: 'set', ...decisionOf(options), settings });
    });
}

function budget(text: string): number | 'none' {
  return text === 'none' ? 'none' : nonNegativeNumber(text);
}

import { Command } from 'commander';
import type { PriceList } from '../../contract/price-list.js';
import { outputOf } from '../command-context.js';
import type { Check } from '../doctor/check.js';
import type { Probes } from '../doctor/vendor-checks.js';
import { Exit, worstExit } from '../exit.js';
import type { Output } from '../output.js';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check everything that an erase needs; spends nothing')
    .option('--probe-submit', 'also try the right to submit, by a real submit for a file that does not exist')
    .option(
      '--probe-writes',
      'also try the rights to cancel and to publish, by calls for a task and a file that do not exist',
    )
    .option('--settings', 'also show the effective settings, without secrets')
    .addHelpText(
      'after',
      '\nExamples:\n  smart-erase doctor\n  smart-erase doctor --settings -o json\n  smart-erase doctor --probe-submit\n\nThe exit code is that of the worst line; warnings do not count.',
    )
    .action(async (options: Probes & { settings?: boolean }, command: Command) => {
      const output = outputOf(command);
      const { checks, settings } = await examine(options);
      if (output.format === 'json') output.one(options.settings ? { checks, settings } : { checks }, []);
      else if (output.format === 'jsonl') for (const check of checks) output.line(check);
      else print(output, checks, options.settings ? settings : {});
      const worst = worstExit(checks.map(({ exitCode }) => exitCode));
      if (worst !== 0) throw new Exit(worst);
    });
}

async function examine(probes: Probes): Promise<{ checks: Check[]; settings: Record<string, string> }> {
  const { loadPrices, loadSettings } = await import('../../config/settings.js');
  const { describeSettings } = await import('../../config/describe-settings.js');
  const { failedBy } = await import('../doctor/check.js');
  const settings: Record<string, string> = {};
  const checks: Check[] = [];
  /** Each part is checked separately: a missing database must not hide that Temporal works. */
  const part = async (name: string, work: () => Promise<Check[]>) => {
    try {
      checks.push(...(await work()));
    } catch (error) {
      checks.push(failedBy(name, error));
    }
  };
  await part('Native parts', async () => {
    // A worker fails to start without this native module. Loading only this part saves a second.
    const { createRequire } = await import('node:module');
    createRequire(createRequire(import.meta.url).resolve('@temporalio/worker'))('@temporalio/core-bridge');
    return [];
  });
  let namespace: string | undefined;
  await part('Temporal', async () => {
    const loaded = loadSettings(process.env, { need: ['temporal'] });
    namespace = loaded.temporal.namespace;
    Object.assign(settings, describeSettings(loaded));
    return (await import('../doctor/temporal-checks.js')).temporalChecks(loaded.temporal);
  });
  await part('Ledger', async () => {
    const loaded = loadSettings(process.env, { need: ['database'] });
    Object.assign(settings, describeSettings(loaded));
    const { ledgerChecks } = await import('../doctor/ledger-checks.js');
    return ledgerChecks(loaded.databaseUrl.reveal(), namespace, pricesOf(loadPrices));
  });
  await part('Vendor', async () => {
    const loaded = loadSettings(process.env, { need: ['vendor'] });
    Object.assign(settings, describeSettings(loaded));
    return (await import('../doctor/vendor-checks.js')).vendorChecks(loaded.vendor, probes);
  });
  return { checks, settings };
}

/** An unreadable price file is reported with the other vendor settings. */
function pricesOf(load: () => PriceList): PriceList | null {
  try {
    return load();
  } catch {
    return null;
  }
}

function print(output: Output, checks: readonly Check[], settings: Record<string, string>): void {
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, verdict, found, advice } of checks) {
    output.write(`${verdict.padEnd(4)}  ${name.padEnd(width)}  ${found}`);
    if (advice !== null) output.write(`${' '.repeat(width + 8)}→ ${advice}`);
  }
  const names = Object.keys(settings);
  if (names.length === 0) return;
  output.write('');
  for (const name of names) output.write(`${name}=${settings[name]}`);
}

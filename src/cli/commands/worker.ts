import { Command } from 'commander';
import type { ProgramLog } from '../../worker/program-log.js';
import { outputOf } from '../command-context.js';
import { explain } from '../error-printer.js';
import { Exit } from '../exit.js';
import type { Output } from '../output.js';
import { untilStopped } from '../stop-signal.js';

export function workerCommand(): Command {
  return new Command('worker')
    .description('run a worker until it is told to stop')
    .addHelpText(
      'after',
      '\nSettings come from the environment; `smart-erase doctor` shows them.\n' +
        'SIGTERM and SIGINT drain it: no new work, what runs may end within SMART_ERASE_SHUTDOWN_GRACE_SECONDS.\n' +
        'With SMART_ERASE_METRICS_PORT it answers to /metrics, /healthz and /readyz.\n' +
        'Every line of it on stderr is JSON, unless SMART_ERASE_LOG_FORMAT is pretty.\n' +
        'With -o json it prints one line once it is ready: {"ready":true,"identity":…,"taskQueues":[…],"monitorUrl":…}',
    )
    .action(async (_options: unknown, command: Command) => {
      const output = outputOf(command);
      const { openProgramLog } = await import('../../worker/program-log.js');
      const log = openProgramLog(process.env);
      try {
        await runWorker(output, log);
      } catch (error) {
        if (!log.json) throw error;
        const { exitCode, what, ids, advice } = explain(error);
        log.write('fatal', what.join(' '), {
          ...(ids.length > 0 && { ids }),
          ...(advice !== null && { advice }),
          exitCode,
        });
        throw new Exit(exitCode);
      }
    });
}

async function runWorker(output: Output, log: ProgramLog): Promise<void> {
  const stopped = untilStopped();
  const { loadSettings } = await import('../../config/settings.js');
  const settings = loadSettings();
  const { secretsOf } = await import('../../worker/redact.js');
  log.hide(secretsOf(settings));
  const [{ createWorkers }, { limitHeapGrowth }] = await Promise.all([
    import('../../worker.js'),
    import('../../worker/heap.js'),
  ]);
  limitHeapGrowth();
  const workers = await createWorkers(settings);
  const running = workers.run();
  const { identity, taskQueues, monitorUrl } = workers;
  if (output.format !== 'table') output.line({ ready: true, identity, taskQueues, monitorUrl });
  else {
    const metrics = monitorUrl === null ? '' : ` Metrics and health: ${monitorUrl}/metrics, /healthz, /readyz.`;
    say(output, log, `Worker ${identity} is ready on ${taskQueues.join(', ')}.${metrics}`);
  }
  const reason = await Promise.race([stopped, running.then(() => null)]);
  if (reason !== null) {
    say(output, log, `${reason}: finishing what runs …`);
    workers.shutdown();
  }
  await running;
}

/** A log entry in JSON mode; otherwise a sentence for a person. */
function say(output: Output, log: ProgramLog, sentence: string): void {
  if (log.json) log.write('info', sentence);
  else output.say(sentence);
}

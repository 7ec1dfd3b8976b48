import { Command } from 'commander';
import { outputOf } from '../command-context.js';
import { untilStopped } from '../stop-signal.js';

export function workerCommand(): Command {
  return new Command('worker')
    .description('run a worker until it is told to stop')
    .addHelpText(
      'after',
      '\nSettings come from the environment; `smart-erase doctor` shows them.\n' +
        'SIGTERM and SIGINT drain it: no new work, what runs may end within SMART_ERASE_SHUTDOWN_GRACE_SECONDS.\n' +
        'With SMART_ERASE_METRICS_PORT it answers to /metrics, /healthz and /readyz.\n' +
        'With -o json it prints one line once it is ready: {"ready":true,"identity":…,"taskQueues":[…],"monitorUrl":…}',
    )
    .action(async (_options: unknown, command: Command) => {
      const output = outputOf(command);
      const stopped = untilStopped();
      const { loadSettings } = await import('../../config/settings.js');
      const settings = loadSettings();
      const [{ createWorkers }, { collectSooner }] = await Promise.all([
        import('../../worker.js'),
        import('../../worker/heap.js'),
      ]);
      collectSooner();
      const workers = await createWorkers(settings);
      const running = workers.run();
      const { identity, taskQueues, monitorUrl } = workers;
      if (output.format === 'table') {
        output.say(`Worker ${identity} is ready on ${taskQueues.join(', ')}.`);
        if (monitorUrl !== null) output.say(`Metrics and health: ${monitorUrl}/metrics, /healthz, /readyz`);
      } else output.line({ ready: true, identity, taskQueues, monitorUrl });
      const reason = await Promise.race([stopped, running.then(() => null)]);
      if (reason !== null) {
        output.say(`${reason}: finishing what runs …`);
        workers.shutdown();
      }
      await running;
    });
}

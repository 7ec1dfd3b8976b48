import { Command } from 'commander';
import { EXIT } from '../../contract/error-classes.js';
import type { DevStack } from '../../local/stack/dev-stack.js';
import { outputOf } from '../command-context.js';
import type { Ended, StoryEnd } from '../demo/story.js';
import { Exit } from '../exit.js';
import type { Output } from '../output.js';
import { type StopReason, untilStopped } from '../stop-signal.js';

/** The demo's tasks are short, so polling must be frequent. */
const WORKER_ENVIRONMENT = {
  VOD_WATCH_INTERVAL_SECONDS: '1',
  VOD_POLL_FIRST_SECONDS: '1',
  VOD_POLL_MAX_SECONDS: '4',
  SMART_ERASE_LOG_LEVEL: 'error',
};
const SIMULATOR_ARGUMENTS = ['--task-duration', '1s-3s'];
/** The demo includes one erase that the vendor refuses. */
const EXPECTED_FAILURES = 1;

export function demoCommand(): Command {
  return new Command('demo')
    .description('see it work: starts everything here, runs 72 erases against the simulator, stops everything')
    .option('--keep', 'leave everything up until Ctrl-C')
    .addHelpText(
      'after',
      '\nExamples:\n  smart-erase demo\n  smart-erase demo --keep\n  smart-erase demo -o json\n\nIt costs nothing, and reaches no server but those it starts.',
    )
    .action(async ({ keep = false }: { keep?: boolean }, command: Command) => {
      const output = outputOf(command);
      const controller = new AbortController();
      const stopped = untilStopped().then((reason) => {
        controller.abort(new Exit(EXIT.interrupted));
        return reason;
      });
      const { startDevStack } = await import('../../local/stack/dev-stack.js');
      output.say(
        'Everything runs on this machine: Temporal with its UI, PostgreSQL for the ledger, a simulated vendor, a worker.',
      );
      const stack = await startDevStack({
        temporalPort: 0,
        uiPort: 0,
        simulatorPort: 0,
        databasePort: 0,
        simulatorArgs: SIMULATOR_ARGUMENTS,
        workerEnvironment: WORKER_ENVIRONMENT,
        onProgress: (line) => output.say(line),
        signal: controller.signal,
      });
      try {
        const story = await withoutFailure(stack, controller, run(output, stack, controller.signal));
        report(output, stack, story);
        if (keep) await stayUp(output, stack, stopped);
        if (failuresIn(story) !== EXPECTED_FAILURES) throw new Exit(EXIT.finishedWithFailures);
      } finally {
        output.say();
        output.say('Stopping everything …');
        await stack.stop();
      }
    });
}

async function run(output: Output, stack: DevStack, signal: AbortSignal): Promise<StoryEnd> {
  const { EraseClient } = await import('../../client.js');
  const { tellStory } = await import('../demo/story.js');
  const env = { ...process.env, ...stack.environment };
  output.say(`Temporal's UI: ${stack.ui}`);
  const client = await EraseClient.connect({ env });
  try {
    return await tellStory({
      client,
      simulatorUrl: stack.simulator ?? '',
      uiUrl: stack.ui,
      namespace: stack.namespace,
      subAppId: Number(env.VOD_SUB_APP_ID),
      env,
      output,
      signal,
    });
  } finally {
    await client.close();
  }
}

/** Ends the demo when a part of the stack fails; otherwise it would wait for ever. */
async function withoutFailure<T>(stack: DevStack, controller: AbortController, work: Promise<T>): Promise<T> {
  const failed = stack.failed.then((sentence) => {
    const error = new Error(sentence);
    controller.abort(error);
    throw error;
  });
  failed.catch(() => undefined);
  return Promise.race([work, failed]);
}

async function stayUp(output: Output, stack: DevStack, stopped: Promise<StopReason>): Promise<void> {
  output.say();
  output.say(`All of it stays up: ${stack.ui}. Ctrl-C ends it.`);
  await Promise.race([stopped, stack.failed]);
}

function failuresIn({ ended, batch }: StoryEnd): number {
  return ended.filter(({ error }) => error !== null).length + batch.failed;
}

function report(output: Output, stack: DevStack, story: StoryEnd): void {
  const { ended, batch, ...numbers } = story;
  const erases = ended.length + batch.items;
  const failed = failuresIn(story);
  const summary = {
    erases,
    succeeded: erases - failed,
    failed,
    ...numbers,
    uiUrl: stack.ui,
  };
  if (output.format === 'json') {
    output.one(summary, []);
    return;
  }
  if (output.format === 'jsonl') {
    output.line(summary);
    return;
  }
  output.say('');
  const backlog = {
    what: 'The backlog, as one batch',
    runs: batch.items,
    succeeded: batch.succeeded,
    failed: batch.failed,
  };
  output.rows(
    [...linesOf(ended), backlog],
    [
      { heading: 'ERASE', of: (row) => row.what },
      { heading: 'RUNS', of: (row) => row.runs },
      { heading: 'SUCCEEDED', of: (row) => row.succeeded },
      { heading: 'FAILED', of: (row) => row.failed },
    ],
  );
  output.write('');
  output.write(
    `${summary.erases} erases: ${summary.succeeded} succeeded, ${summary.failed} failed (one was meant to).`,
  );
  output.write(
    `${summary.submits} submits; the backlog's at ${summary.submitsPerSecond} a second; ` +
      `at most ${summary.maxInOneSecond} in any one second; ${summary.refusals} refused for the rate.`,
  );
}

function linesOf(ended: readonly Ended[]): { what: string; runs: number; succeeded: number; failed: number }[] {
  const lines = new Map<string, { what: string; runs: number; succeeded: number; failed: number }>();
  for (const { what, error } of ended) {
    const line = lines.get(what) ?? { what, runs: 0, succeeded: 0, failed: 0 };
    line.runs++;
    if (error === null) line.succeeded++;
    else line.failed++;
    lines.set(what, line);
  }
  return [...lines.values()];
}

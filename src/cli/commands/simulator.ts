import { Command } from 'commander';
import type { SimulatorCredential, SimulatorOptions } from '../../simulator/index.js';
import { outputOf } from '../command-context.js';
import { UsageError } from '../exit.js';
import {
  collect,
  duration,
  durationRange,
  nonNegativeNumber,
  port,
  positiveInteger,
  positiveNumber,
} from '../option-parsers.js';
import { untilStopped } from '../stop-signal.js';

interface Flags {
  host?: string;
  port: number;
  credential?: string[];
  subAppId?: string[];
  submitsPerSecond?: number;
  readsPerSecond?: number;
  writesPerSecond?: number;
  taskDuration?: SimulatorOptions['taskDurationMs'];
  taskWait?: number;
  maxConcurrentTasks?: number;
  retention?: number;
  retentionHours?: number;
  requestDelay?: SimulatorOptions['requestDelayMs'];
  answerDelay?: SimulatorOptions['answerDelayMs'];
  stateFile?: string;
  seed?: number;
  acceptUnknownFiles?: boolean;
  procedure?: string[];
}

export function simulatorCommand(): Command {
  return new Command('simulator')
    .description('run a strict local VOD API until it is told to stop')
    .option('--host <host>', 'where to listen; its admin API has no password (default: 127.0.0.1)')
    .option('--port <port>', 'where to listen; 0 is any free one', port, 7280)
    .option(
      '--credential <id:key[:token]>',
      'a key pair that is accepted; can be repeated (default: AKIDsimulator:simulator)',
      collect,
    )
    .option('--sub-app-id <number>', 'a sub-application that exists; can be repeated (default: 1500000001)', collect)
    .option(
      '--submits-per-second <n>',
      'ProcessMediaByMPS in any second; 0 lifts the limit (default: 20)',
      nonNegativeNumber,
    )
    .option('--reads-per-second <n>', 'calls of each reading API in any second (default: 100)', nonNegativeNumber)
    .option('--writes-per-second <n>', 'calls of each other API in any second (default: 20)', nonNegativeNumber)
    .option('--task-duration <time>', 'how long a task takes: 2s, or a range 1s-5s (default: 2s)', durationRange)
    .option('--task-wait <time>', 'how long a task stays WAITING at least (default: 0)', duration)
    .option('--max-concurrent-tasks <n>', 'tasks processed at once (default: no limit)', positiveInteger)
    .option('--retention-hours <hours>', 'how long tasks can be read (default: 72)', positiveNumber)
    .option('--retention <time>', 'the same, for short ones: 90s', duration)
    .option(
      '--request-delay <time>',
      'how long a request is on its way: 50ms, or 10ms-200ms (default: 0)',
      durationRange,
    )
    .option(
      '--answer-delay <time>',
      'how long after its request each answer is sent: 150ms, or 60ms-250ms (default: 0)',
      durationRange,
    )
    .option('--state-file <path>', 'keep tasks, media and calls over restarts')
    .option('--seed <n>', 'of task durations and delays (default: 1)', positiveInteger)
    .option('--accept-unknown-files', 'take any FileId as an existing file')
    .option('--procedure <name>', 'a task flow that exists; can be repeated (default: every name does)', collect)
    .addHelpText(
      'after',
      '\nExamples:\n  smart-erase simulator --port 0 -o json\n  smart-erase simulator --task-duration 1s-5s --max-concurrent-tasks 10\n\n' +
        'With -o json it prints one line once it is ready: {"ready":true,"url":…}',
    )
    .action(async (flags: Flags, command: Command) => {
      const output = outputOf(command);
      const stopped = untilStopped();
      const { startSimulator } = await import('../../simulator/index.js');
      const simulator = await startSimulator(optionsOf(flags));
      if (output.format === 'table') output.say(`The simulator listens at ${simulator.url}. Ctrl-C ends it.`);
      else output.line({ ready: true, url: simulator.url });
      await stopped;
      await simulator.close();
    });
}

function optionsOf(flags: Flags): SimulatorOptions {
  const options: SimulatorOptions = {
    host: flags.host,
    port: flags.port,
    credentials: flags.credential?.map(credentialOf),
    subAppIds: flags.subAppId?.map(positiveInteger),
    submitsPerSecond: flags.submitsPerSecond,
    readsPerSecond: flags.readsPerSecond,
    writesPerSecond: flags.writesPerSecond,
    taskDurationMs: flags.taskDuration,
    taskWaitMs: flags.taskWait,
    maxConcurrentTasks: flags.maxConcurrentTasks,
    retentionMs: flags.retention,
    retentionHours: flags.retentionHours,
    requestDelayMs: flags.requestDelay,
    answerDelayMs: flags.answerDelay,
    stateFile: flags.stateFile,
    seed: flags.seed,
    acceptUnknownFiles: flags.acceptUnknownFiles,
    procedures: flags.procedure,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function credentialOf(text: string): SimulatorCredential {
  const [secretId, secretKey, token] = text.split(':');
  if (!secretId || !secretKey)
    throw new UsageError('--credential has the form SECRET_ID:SECRET_KEY or SECRET_ID:SECRET_KEY:TOKEN.');
  return token === undefined ? { secretId, secretKey } : { secretId, secretKey, token };
}

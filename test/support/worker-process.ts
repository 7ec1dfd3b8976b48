import { type RunningCli, startCli } from './cli.js';
import type { EraseStack } from './erase-stack.js';
import { eventually } from './processes.js';

/** A worker as an operator runs it, watched over by its port. */
export interface WatchedWorker extends RunningCli {
  /** `http://127.0.0.1:port` */
  url: string;
  metrics(): Promise<string>;
  get(path: string): Promise<{ status: number; body: unknown }>;
}

/** Starts the built program on the stack; it is ready when this returns. */
export async function startWatchedWorker(
  stack: EraseStack,
  env: Record<string, string> = {},
  { timeoutMs = 110_000 } = {},
): Promise<WatchedWorker> {
  const worker = startCli(
    ['worker', '-o', 'json'],
    { ...stack.env, SMART_ERASE_METRICS_PORT: '0', ...env },
    { timeoutMs },
  );
  const ready = await eventually('the worker to be ready', () => {
    if (worker.process.exitCode !== null) throw new Error(`The worker ended: ${worker.stderr()}`);
    return /^\{"ready":true.*\}$/m.exec(worker.stdout())?.[0];
  });
  const { monitorUrl: url } = JSON.parse(ready) as { monitorUrl: string };
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`);
    return { status: response.status, body: (await response.json()) as unknown };
  };
  const metrics = async () => (await fetch(`${url}/metrics`)).text();
  return { ...worker, url, get, metrics };
}

/** The value of a series in Prometheus' text, by its name and labels as they stand there; undefined: it is not there. */
export function seriesOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

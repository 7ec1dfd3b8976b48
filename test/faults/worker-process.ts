import { fileURLToPath } from 'node:url';
import { type OwnedProcess, startProcess } from '../../src/local/owned-process.js';
import { eventually } from '../support/processes.js';
import type { SharedServers } from './servers.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** Nothing of this machine's own settings may reach a worker. */
const FOREIGN = /^(TEMPORAL_|TENCENTCLOUD_|VOD_|SMART_ERASE_|DATABASE_URL|npm_|NODE_OPTIONS)/;

/** A worker as an operator runs it: the built program in a process of its own. */
export async function startWorkerProcess(
  env: NodeJS.ProcessEnv,
  { reaper }: SharedServers,
  onLine: (line: string) => void,
): Promise<OwnedProcess> {
  const own = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
  let ready = false;
  const worker = await startProcess({
    name: 'the worker',
    command: process.execPath,
    args: [MAIN, 'worker', '-o', 'json'],
    env: { ...Object.fromEntries(own), TEMPORAL_CONFIG_FILE: '/dev/null', ...env },
    onLine: (line, stream) => {
      if (stream === 'stdout' && line.includes('"ready":true')) ready = true;
      onLine(line);
    },
    onSpawn: (pid) => reaper.add(pid),
    onExit: (pid) => reaper.remove(pid),
  });
  await eventually('the worker to be ready', () => {
    if (worker.hasEnded()) throw new Error(`The worker ended before it was ready: ${worker.lastLines().join(' | ')}`);
    return ready || undefined;
  });
  return worker;
}

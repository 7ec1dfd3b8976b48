import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { findFreePort } from '../../../src/local/free-port.js';
import { type OwnedProcess, startProcess } from '../../../src/local/owned-process.js';
import { eventually } from '../../../test/support/processes.js';
import { residentMegabytes } from '../../measure/processes.js';
import { type Contender, NotAvailable, type PeerRun } from '../contender.js';
import { needPackages, startPeer } from '../process.js';
import type { OpenQueues } from './names.js';

/** BullMQ's own defaults for a job's lock, and for the check for stalled jobs. */
const LOCK_MS = 30_000;
/**
 * One every 50 ms. As the vendor counts it, 20 every 1,000 ms, two windows' worth meet: 40 were offered in one second and a
 * tenth of the calls refused; evenly spaced, none or two, and the rate was higher.
 */
const LIMIT = { max: 1, durationMs: 50 };

/** Not a name that the compiler follows: it needs BullMQ, which is there only after `needPackages`. */
const QUEUES_MODULE: string = './queues.js';

/** BullMQ with its limiter, on a Redis that syncs its log every second. */
export const BULLMQ: Contender = {
  name: 'BullMQ',
  async start(run: PeerRun) {
    needPackages();
    const redis = await startRedis(run);
    const { openQueues }: { openQueues: OpenQueues } = await import(QUEUES_MODULE);
    const queues = openQueues(redis.port);
    await queues.add(run.fileIds);
    const start = () =>
      startPeer(run, 'bullmq/worker.js', {
        REDIS_PORT: String(redis.port),
        LOCK_MS: String(Math.max(1_000, LOCK_MS * run.scale)),
        LIMIT_MAX: String(LIMIT.max),
        LIMIT_MS: String(LIMIT.durationMs),
      });
    let worker = await start();
    return {
      doneCount: () => queues.doneCount(),
      results: () => queues.results(run.fileIds.length),
      async killAndRestart() {
        await worker.stop({ signal: 'SIGKILL' });
        worker = await start();
      },
      workerPids: () => [worker.pid],
      serviceMegabytes: () => residentMegabytes(redis.process.pid),
      async stop() {
        await worker.stop({ signal: 'SIGKILL' });
        await queues.close();
        await redis.process.stop({ signal: 'SIGKILL' });
      },
    };
  },
};

/** Debian's Redis as a process of ours: append-only file, written to disk every second. */
async function startRedis(run: PeerRun): Promise<{ port: number; process: OwnedProcess }> {
  const path = await findOnPath('redis-server');
  if (path === undefined) throw new NotAvailable('no redis-server here: apt-get install redis-server');
  const port = await findFreePort({ port: 0, purpose: 'Redis', flag: 'the port of Redis' });
  const { reaper } = run.servers;
  let ready = false;
  const args = `--port ${port} --bind 127.0.0.1 --appendonly yes --appendfsync everysec --maxmemory-policy noeviction`;
  const process = await startProcess({
    name: 'Redis',
    command: path,
    args: [...args.split(' '), '--save', '', '--dir', run.folder],
    onLine: (line) => {
      if (line.includes('Ready to accept connections')) ready = true;
    },
    onSpawn: (pid) => reaper.add(pid),
    onExit: (pid) => reaper.remove(pid),
  });
  await eventually('Redis to be ready', () => {
    if (process.hasEnded()) throw new Error(`Redis ended: ${process.lastLines().join(' | ')}`);
    return ready || undefined;
  });
  return { port, process };
}

async function findOnPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

import type { TestProject } from 'vitest/node';
import { SEARCH_ATTRIBUTE } from '../../src/contract/names.js';
import { startEmbeddedPostgres } from '../../src/local/embedded-postgres.js';
import { startReaper } from '../../src/local/stack/reaper.js';
import { findTemporalCli } from '../../src/local/temporal-cli.js';
import { startDevServer } from '../../src/local/temporal-dev-server.js';
import { build } from '../../tools/build.mjs';
import './provided.js';

const say = (line: string) => console.error(line);

/**
 * Once for a whole run: the program and the workflow bundle are built, if anything changed; one Temporal dev server and
 * one PostgreSQL are started, which end with us however we end. `TEST_SERVERS=none` leaves the servers out.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Types are checked on their own; tests say whether it works.
  const built = build({ onProgress: say, strict: false });
  if (process.env.TEST_SERVERS === 'none') {
    for (const name of ['temporalCli', 'temporalAddress', 'temporalUi', 'postgresAdminUrl'] as const) {
      project.provide(name, null);
    }
    project.provide('workflowBundle', (await built).workflowBundle);
    return async () => undefined;
  }

  const reaper = startReaper();
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    await Promise.all(stops.map((end) => end()));
    await reaper.close();
  };
  try {
    const onExit = (pid: number) => reaper.remove(pid);
    const postgres = startEmbeddedPostgres({
      onExit,
      onSpawn: (pid) => reaper.add(pid, 'SIGINT'),
      onTemporaryFolder: (path) => reaper.addFolder(path),
    });
    const temporal = findTemporalCli({ onProgress: say }).then(async ({ path }) => {
      project.provide('temporalCli', path);
      const searchAttributes = Object.fromEntries(Object.values(SEARCH_ATTRIBUTE).map((n) => [n, 'Keyword' as const]));
      return startDevServer({ cliPath: path, searchAttributes, onExit, onSpawn: (pid) => reaper.add(pid) });
    });
    const settled = await Promise.allSettled([postgres, temporal, built]);
    for (const part of settled) if (part.status === 'fulfilled' && 'stop' in part.value) stops.push(part.value.stop);
    const failed = settled.find((part) => part.status === 'rejected');
    if (failed) throw failed.reason;

    project.provide('postgresAdminUrl', (await postgres).urlOf('postgres'));
    project.provide('temporalAddress', (await temporal).address);
    project.provide('temporalUi', (await temporal).uiUrl ?? null);
    project.provide('workflowBundle', (await built).workflowBundle);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

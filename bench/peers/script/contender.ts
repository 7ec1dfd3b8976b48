import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, PeerRun } from '../contender.js';
import { needPackages, startPeer } from '../process.js';

/** A script with p-throttle in strict mode, p-retry, and a state file. */
export const SCRIPT: Contender = {
  name: 'script, p-throttle',
  async start(run: PeerRun) {
    needPackages();
    const [list, state] = [join(run.folder, 'file-ids.json'), join(run.folder, 'state.ndjson')];
    writeFileSync(list, JSON.stringify(run.fileIds));
    const start = () => startPeer(run, 'script/script.js', { FILE_IDS: list, STATE: state });
    let process = await start();
    const results = () => {
      const found = new Map<string, string>();
      for (const line of existsSync(state) ? readFileSync(state, 'utf8').split('\n') : []) {
        const { fileId, resultFileId } = (line === '' ? {} : JSON.parse(line)) as Record<string, string | undefined>;
        if (fileId !== undefined && resultFileId !== undefined) found.set(fileId, resultFileId);
      }
      return found;
    };
    return {
      doneCount: async () => results().size,
      results: async () => results(),
      async killAndRestart() {
        await process.stop({ signal: 'SIGKILL' });
        process = await start();
      },
      workerPids: () => [process.pid],
      serviceMegabytes: () => null,
      stop: async () => void (await process.stop({ signal: 'SIGKILL' })),
    };
  },
};

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { type OwnedProcess, startProcess } from '../../src/local/owned-process.js';
import { eventually } from '../../test/support/processes.js';
import { SUB_APP_ID } from '../../test/support/simulator.js';
import { installPackages } from '../packages.js';
import { NotAvailable, type PeerRun, POLL_SECONDS } from './contender.js';
import type { PeerSettings } from './vendor.js';

const SOURCES = fileURLToPath(new URL('.', import.meta.url));
const BUILT = fileURLToPath(new URL('../.build/peers/', import.meta.url));
/** Nothing of this machine's own settings may reach a peer. */
const FOREIGN = /^(TEMPORAL_|TENCENTCLOUD_|VOD_|SMART_ERASE_|DATABASE_URL|npm_|NODE_OPTIONS)/;
/** Until a peer's call is given up, in seconds. */
const CALL_TIMEOUT_SECONDS = 20;

/** The peers as JavaScript, so that no compiler's memory counts as theirs. @returns the folder */
export function buildPeers(): string {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  for (const name of files) {
    const { outputText } = ts.transpileModule(readFileSync(join(SOURCES, name), 'utf8'), {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
    });
    const target = join(BUILT, name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
  return BUILT;
}

/** For a peer that bench/package.json's packages make. @throws NotAvailable */
export function needPackages(): void {
  try {
    installPackages();
  } catch (cause) {
    throw new NotAvailable((cause as Error).message, { cause });
  }
}

export function settingsOf(run: PeerRun): PeerSettings {
  return {
    endpoint: run.simulator.url,
    secretId: run.secretId,
    secretKey: run.secretKey,
    subAppId: SUB_APP_ID,
    requestTimeoutSeconds: requestTimeoutSeconds(run),
    pollMs: POLL_SECONDS * 1_000 * run.scale,
  };
}

export function requestTimeoutSeconds({ scale }: PeerRun): number {
  return Math.max(1, Math.round(CALL_TIMEOUT_SECONDS * scale));
}

/** A peer's program in a process of its own; it says "ready" when it works. */
export async function startPeer(run: PeerRun, file: string, env: Record<string, string>): Promise<OwnedProcess> {
  const own = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
  const { reaper } = run.servers;
  let ready = false;
  const peer = await startProcess({
    name: file,
    command: process.execPath,
    args: [join(BUILT, file)],
    env: { ...Object.fromEntries(own), PEER_SETTINGS: JSON.stringify(settingsOf(run)), ...env },
    onLine: (line) => {
      if (line === 'ready') ready = true;
    },
    onSpawn: (pid) => reaper.add(pid, 'SIGKILL'),
    onExit: (pid) => reaper.remove(pid),
  });
  await eventually(`${file} to be ready`, () => {
    if (peer.hasEnded() && !ready) throw new Error(`${file} ended: ${peer.lastLines().join(' | ')}`);
    return ready || undefined;
  });
  return peer;
}

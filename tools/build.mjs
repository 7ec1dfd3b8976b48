#!/usr/bin/env node
// Builds dist/: the program by tsc, the workflow bundle by Temporal's bundler. What is up to date is left alone.
// As a program: `node tools/build.mjs [--prepare]`; --prepare is npm's hook, which must never break an installation.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const BUNDLE = join(DIST, 'workflow-bundle.js');
/** The same with spans, for workers that trace. Apart: who does not trace carries nothing of it. */
const TRACED_BUNDLE = join(DIST, 'workflow-bundle-traced.js');
const TRACING = '@temporalio/interceptors-opentelemetry/lib/workflow-interceptors';
const MAIN = join(DIST, 'cli', 'main.js');
/** A build takes seconds; a lock older than this was left by one that was killed. */
const LOCK_STALE_MS = 120_000;

/**
 * @param {{onProgress?: (line: string) => void, strict?: boolean}} [options] `strict` (default true): an error of types
 *   fails the build; otherwise it is told, and the program is built all the same.
 * @returns {Promise<{workflowBundle: string | null}>} path of the bundle; null while there are no workflows
 */
export async function build({ onProgress = () => undefined, strict = true } = {}) {
  const unlock = await lock(join(ROOT, 'node_modules', '.smart-erase-build.lock'));
  try {
    compile(onProgress, strict);
    linkProgram();
    return { workflowBundle: await bundleWorkflows(onProgress) };
  } finally {
    unlock();
  }
}

/** @param {(line: string) => void} onProgress @param {boolean} strict */
function compile(onProgress, strict) {
  const settings = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'].map((name) => join(ROOT, name));
  const key = digest([...filesUnder(join(ROOT, 'src')), ...settings]);
  const keyFile = join(DIST, '.build-key');
  if (readIfThere(keyFile) === key) return;
  onProgress('building the program …');
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0 && strict) throw new BuildError(`The program does not compile:\n${stdout.trim()}`);
  if (status !== 0) onProgress(`The program was built, and its types do not agree:\n${stdout.trim()}`);
  removeOrphans();
  // Not kept after an error, so that the next build tells it again.
  if (status === 0) writeFileSync(keyFile, key);
}

/** tsc leaves behind what was made from a file that is gone. */
function removeOrphans() {
  for (const path of filesUnder(DIST)) {
    const made = /^(.*?)(\.d\.ts|\.js|\.js\.map)$/.exec(relative(DIST, path));
    if (!made || [BUNDLE, TRACED_BUNDLE].some((bundle) => path.startsWith(bundle))) continue;
    const source = join(ROOT, 'src', made[1] ?? '');
    if (!existsSync(`${source}.ts`) && !existsSync(`${source}.d.ts`)) rmSync(path);
  }
}

/** npm links the programs of dependencies only; with this link `npx smart-erase` finds the clone's own at once. */
function linkProgram() {
  if (!existsSync(MAIN)) return;
  chmodSync(MAIN, 0o755);
  const link = join(ROOT, 'node_modules', '.bin', 'smart-erase');
  if (process.platform === 'win32' || existsSync(link)) return;
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), MAIN), link);
}

/** @param {(line: string) => void} onProgress */
async function bundleWorkflows(onProgress) {
  const workflows = join(DIST, 'workflows', 'index.js');
  if (!existsSync(workflows)) return null;
  const resolve = createRequire(import.meta.url).resolve;
  const packages = ['@temporalio/worker', TRACING].map((name) => join(dirname(resolve(name)), '..', 'package.json'));
  const sources = ['workflows', 'contract'].flatMap((name) => filesUnder(join(DIST, name)));
  const key = digest([...packages, ...sources.filter((path) => path.endsWith('.js'))], 'contents');
  const keyFile = join(DIST, '.bundle-key');
  if (existsSync(BUNDLE) && existsSync(TRACED_BUNDLE) && readIfThere(keyFile) === key) return BUNDLE;
  onProgress('bundling the workflows …');
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const said = [];
  const logger = new DefaultLogger('WARN', (entry) => said.push(entry.message));
  try {
    // A value that cannot be read is told in words, instead of failing a task for ever.
    const payloadConverterPath = join(DIST, 'contract', 'payload-converter.js');
    const common = { workflowsPath: workflows, payloadConverterPath, logger };
    const { code } = await bundleWorkflowCode(common);
    writeFileSync(BUNDLE, code);
    const workflowInterceptorModules = [resolve(TRACING)];
    const traced = await bundleWorkflowCode({ ...common, workflowInterceptorModules });
    writeFileSync(TRACED_BUNDLE, traced.code);
    writeFileSync(keyFile, key);
    return BUNDLE;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BuildError(`The workflows cannot be bundled: ${[reason, ...said].join('\n')}`);
  }
}

/** An error whose message is enough. */
export class BuildError extends Error {
  name = 'BuildError';
}

/** @param {string} folder @returns {string[]} */
function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** @param {string[]} files @param {'times' | 'contents'} [by] */
function digest(files, by = 'times') {
  const hash = createHash('sha256').update(process.version);
  for (const path of files) {
    if (!existsSync(path)) continue;
    const { mtimeMs, size } = statSync(path);
    hash.update(`${relative(ROOT, path)}\0`).update(by === 'times' ? `${mtimeMs} ${size}\0` : readFileSync(path));
  }
  return hash.digest('hex');
}

/** @param {string} path */
function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** Two test runs in one clone must not build into each other. @param {string} path */
async function lock(path) {
  mkdirSync(dirname(path), { recursive: true });
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(path)) rmSync(path, { force: true });
    else await new Promise((done) => setTimeout(done, 200));
  }
}

/** @param {string} path */
function isAbandoned(path) {
  try {
    const holder = Number(readFileSync(path, 'utf8'));
    if (Date.now() - statSync(path).mtimeMs > LOCK_STALE_MS) return true;
    if (holder > 0) process.kill(holder, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const preparing = process.argv.includes('--prepare');
  try {
    // Installed without development dependencies: there is nothing to build with, and what is installed is built.
    if (preparing && !existsSync(join(ROOT, 'node_modules', 'typescript'))) process.exit(0);
    await build({ onProgress: (line) => console.error(line), strict: !preparing });
  } catch (error) {
    console.error(error instanceof BuildError ? error.message : error);
    process.exit(preparing ? 0 : 1);
  }
}

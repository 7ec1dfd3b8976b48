#!/usr/bin/env node
// What `npm run demo` and `npm test` run: `node tools/run.mjs demo|test|test:rest|test:all [arguments]`. It makes ready what a fresh clone
// lacks (dependencies, dist/, the Temporal CLI), then hands over. It is read by whatever Node there is, so it keeps to
// what Node 12 understands until it has looked at the version; and it says everything on stderr, as stdout belongs to
// what it runs.
// biome-ignore-all lint/style/useNodejsImportProtocol: Node 12 does not know it
// biome-ignore-all lint/complexity/useOptionalChain: nor this
import { spawn, spawnSync } from 'child_process';
import { existsSync, readFileSync, realpathSync } from 'fs';
import { constants } from 'os';
import { join } from 'path';
import { fileURLToPath, pathToFileURL } from 'url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** @param {string} line */
function say(line) {
  process.stderr.write(`${line}\n`);
}

/** A failure that one sentence explains. */
export class Trouble extends Error {}

/**
 * @param {string} version of Node, like "v18.20.4"
 * @returns {string | undefined} what is wrong with it, in a sentence
 */
export function nodeProblem(version) {
  const needed = readJson('package.json').engines.node.replace(/[^\d.]/g, '');
  const [have, need] = [version.replace(/^v/, ''), needed].map((text) => text.split('.').map(Number));
  const older = have[0] < need[0] || (have[0] === need[0] && have[1] < need[1]);
  if (!older) return undefined;
  return `Node ${need[0]}.${need[1]} or newer is needed, and this is ${version}: install a newer one from https://nodejs.org (or with nvm: nvm install --lts) and run this again.`;
}

/** @returns {boolean} whether node_modules holds what package-lock.json asks for */
export function dependenciesInstalled() {
  if (!existsSync(join(ROOT, 'node_modules', '.package-lock.json'))) return false;
  const wanted = readJson('package-lock.json').packages;
  const present = readJson(join('node_modules', '.package-lock.json')).packages;
  return Object.keys(wanted).every((path) => {
    if (path === '' || wanted[path].optional) return true;
    return present[path] !== undefined && present[path].version === wanted[path].version;
  });
}

function installDependencies() {
  if (dependenciesInstalled()) return;
  say('installing dependencies (npm ci) …');
  const execpath = process.env.npm_execpath || '';
  const [command, first] = /npm-cli\.js$/.test(execpath) ? [process.execPath, [execpath]] : ['npm', []];
  const args = first.concat(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
  if (status === 0) return;
  const said = `${stderr || ''}\n${stdout || ''}`.split('\n').filter((line) => line.trim() !== '');
  const telling = said.find((line) => /npm (error|ERR!) (?!code|errno|syscall)/.test(line)) || said[0];
  const reason = error ? error.message : (telling || `exit code ${status}`).replace(/^npm (error|ERR!) /, '');
  throw new Trouble(
    `The dependencies could not be installed (${reason.trim().replace(/\.$/, '')}): check the network and the npm registry, and run npm ci.`,
  );
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
}

/** @param {string[]} args */
async function run([what, ...args]) {
  const tests = ['node_modules/vitest/vitest.mjs', 'run'];
  const programs = { demo: ['dist/cli/main.js', 'demo'], test: tests, 'test:rest': tests, 'test:all': tests };
  const program = programs[what];
  if (!program) throw new Trouble('Say what to run: node tools/run.mjs demo|test|test:rest|test:all [arguments].');
  // With arguments, `test` runs whatever they name. The suites are in test/suites.ts.
  if (what === 'test:rest') process.env.TEST_SUITE = 'rest';
  if (what === 'test' && args.length === 0) process.env.TEST_SUITE = 'everyday';
  const problem = nodeProblem(process.version);
  if (problem) throw new Trouble(problem);
  installDependencies();
  const { build, BuildError } = await import('./build.mjs');
  // A type that does not agree keeps nobody from testing; .ci/run checks the types by themselves.
  await build({ onProgress: say, strict: what === 'demo' }).catch((error) => {
    throw error instanceof BuildError ? new Trouble(error.message) : error;
  });
  await getTemporalCli();
  return hand(program.concat(args[0] === '--' ? args.slice(1) : args));
}

/** Before the program starts, so that the one long step of a first run shows by itself, and fails in a sentence. */
async function getTemporalCli() {
  const { findTemporalCli } = await import(pathToFileURL(join(ROOT, 'dist', 'local', 'temporal-cli.js')).href);
  const stop = new AbortController();
  const onSignal = (signal) => {
    stop.abort();
    setTimeout(() => process.exit(128 + constants.signals[signal]), 1500);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.once(signal, onSignal);
  try {
    await findTemporalCli({ onProgress: say, signal: stop.signal });
  } catch (error) {
    throw error.name === 'LocalServerError' ? new Trouble(error.message) : error;
  } finally {
    for (const signal of signals) process.removeListener(signal, onSignal);
  }
}

/** Runs Node with `args` in our place: our terminal, our signals, its exit code. @param {string[]} args */
function hand(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => {
        // A Ctrl-C in a terminal reaches the child without us.
        if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
      });
    }
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ? 128 + constants.signals[signal] : code));
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  run(process.argv.slice(2)).then(
    (code) => {
      process.exitCode = code;
    },
    (error) => {
      say(error instanceof Trouble ? error.message : error.stack);
      if (/^test/.test(process.argv[2] || '')) process.stdout.write('0 passed, 1 failed\n');
      process.exitCode = 1;
    },
  );
}

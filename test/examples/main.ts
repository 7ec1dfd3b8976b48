/**
 * `npm run test:examples`, or `npm run test:examples -- cli go` for some: each of examples/ against a dev stack (real Temporal
 * dev server, PostgreSQL, simulator, worker), with its own toolchain; the client as a dependency: packed, installed into an
 * empty project, type-checked, loaded; and the program, packed, installed and run.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type DevStack, startDevStack } from '../../src/local/stack/dev-stack.js';
import { findTemporalCli } from '../../src/local/temporal-cli.js';
import { build } from '../../tools/build.mjs';
import { CLIENT_PACKAGE, packClient } from '../../tools/pack-client.mjs';
import { Claims } from '../stack/claims.js';
import { SimulatorAdmin } from '../support/simulator.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'dist', 'cli', 'main.js');
/** In the simulator's library from the start. */
const FILE_ID = '5285485487985271487';
const UNKNOWN_FILE_ID = '5285485487985271000';
/** Class, code, money and reason of what such a file ends as. */
const ONE_SENTENCE =
  /^The erase failed \(input, InvalidParameterValue\.FileId\), nothing was paid: .*no such file.*\n$/;
/** A port at which nobody listens. */
const NOBODY = '127.0.0.1:1';
/** An installation or a compilation on a slow machine with empty caches. */
const TIMEOUT_MS = 600_000;
/** What a service that starts erases has no use for. */
const HEAVY = ['@temporalio/worker', '@temporalio/core-bridge', 'pg', 'kysely', 'tencentcloud-sdk-nodejs'];
/** What the example needs to be compiled, and a service does not need to run. */
const DEVELOPMENT = ['typescript', '@types'];

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** A language: makes itself ready in a folder of its own, and says how its example is started. */
interface Example {
  name: string;
  toolchain: string;
  /** With an exit code of its own, 2; the others leave that to their client's error. */
  tellsUnreachable?: boolean;
  ready(folder: string): Promise<{ command: string; args: string[] }>;
}

const say = (line: string) => void process.stdout.write(`${line}\n`);
const claims = new Claims('examples', say);

function run(command: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
  return new Promise<Outcome>((resolve) => {
    execFile(command, [...args], { timeout: TIMEOUT_MS, maxBuffer: 64e6, ...options }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 127;
      resolve({ code, stdout, stderr: error?.code === 'ENOENT' ? `${command} is not installed` : stderr });
    });
  });
}

async function done(command: string, args: readonly string[], options: { cwd?: string } = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${(stderr || stdout).slice(-2_000)}`);
  return stdout;
}

const EXAMPLES: readonly Example[] = [
  {
    name: 'python',
    toolchain: 'python3',
    async ready(folder) {
      const python = join(folder, 'venv', 'bin', 'python');
      await done('python3', ['-m', 'venv', join(folder, 'venv')]);
      await done(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt'], {
        cwd: folder,
      });
      return { command: python, args: ['erase.py'] };
    },
  },
  {
    name: 'go',
    toolchain: 'go',
    async ready(folder) {
      await done('go', ['vet', './...'], { cwd: folder });
      await done('go', ['build', '-mod=readonly', '-o', 'erase', '.'], { cwd: folder });
      return { command: join(folder, 'erase'), args: [] };
    },
  },
  {
    name: 'cli',
    toolchain: 'sh',
    tellsUnreachable: true,
    ready: async (folder) => ({ command: join(folder, 'erase.sh'), args: [] }),
  },
  { name: 'typescript', toolchain: 'npm', ready: installPackage },
];

/** The client as npm would publish it, in a project that has nothing else. */
async function installPackage(folder: string): Promise<{ command: string; args: string[] }> {
  const packed = packClient(folder);
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  manifest.dependencies[CLIENT_PACKAGE] = `file:./${basename(packed)}`;
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  await done('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
  await done('npx', ['tsc', '-p', 'tsconfig.json'], { cwd: folder });
  claims.hold('the packed client installs into an empty project, and its types agree', true);
  const modules = join(folder, 'node_modules');
  const heavy = HEAVY.filter((name) => existsSync(join(modules, name)));
  // Without these two the look itself would have seen nothing.
  const looked = ['@temporalio/client', CLIENT_PACKAGE].every((name) => existsSync(join(modules, name)));
  claims.hold('with it comes no worker, no ledger, no vendor SDK', looked && heavy.length === 0, heavy);
  const megabytes = (await sizeMb(modules)) - (await sizeMb(...DEVELOPMENT.map((name) => join(modules, name))));
  say(`     the client with all that it depends on: ${megabytes.toFixed(0)} MB`);
  await loadLightly(folder);
  return { command: process.execPath, args: [join(folder, 'dist', 'erase.js')] };
}

/** Of what is there, all together. */
async function sizeMb(...paths: string[]): Promise<number> {
  const total = (await done('du', ['-sck', ...paths.filter((path) => existsSync(path))])).trim().split('\n').at(-1);
  return Number.parseInt(total ?? '', 10) / 1_024;
}

/** The program: worker and command line, as npm would publish it. */
async function installProgram(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'smart-erase-package-'));
  try {
    const packed = await done('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
      cwd: ROOT,
    });
    const [{ filename = '' } = {}] = JSON.parse(packed) as { filename: string }[];
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    await done('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', `./${filename}`], { cwd: folder });
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const said = await run(join(folder, 'node_modules', '.bin', 'smart-erase'), ['--version'], { cwd: folder });
    claims.hold('the packed program installs, and runs', said.code === 0 && said.stdout.includes(version), said);
    say(`     the program with all that it depends on: ${(await sizeMb(join(folder, 'node_modules'))).toFixed(0)} MB`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Sees what is imported; what is required stands in the cache of `require`. */
const WATCHING_LOADER = `
  import { appendFileSync } from 'node:fs';
  export async function load(url, context, next) {
    appendFileSync(process.env.LOADED, url + '\\n');
    return next(url, context);
  }
`;

/** What importing the client loads, in a process of its own, and how long that takes in another. */
async function loadLightly(folder: string): Promise<void> {
  const loader = `data:text/javascript,${encodeURIComponent(WATCHING_LOADER)}`;
  const program = `
    import { appendFileSync } from 'node:fs';
    import { createRequire, register } from 'node:module';
    if (process.env.LOADED) register(${JSON.stringify(loader)});
    const before = performance.now();
    const { EraseClient } = await import('${CLIENT_PACKAGE}');
    console.log(EraseClient.connect ? performance.now() - before : 'nothing');
    const required = Object.keys(createRequire(import.meta.url).cache);
    if (process.env.LOADED) appendFileSync(process.env.LOADED, required.join('\\n'));
  `;
  const [file, list] = [join(folder, 'load.mjs'), join(folder, 'loaded.txt')];
  await writeFile(file, program);
  const ms = Number(await done(process.execPath, [file], { cwd: folder }));
  const { code } = await run(process.execPath, [file], { cwd: folder, env: { ...process.env, LOADED: list } });
  const loaded = (await readFile(list, 'utf8')).split('\n');
  const has = (name: string) => loaded.some((path) => path.includes(`/node_modules/${name}/`));
  const heavy = HEAVY.filter(has);
  // Without these two the look itself would have seen nothing.
  const looked = code === 0 && has('@temporalio/client') && has(CLIENT_PACKAGE);
  claims.hold('importing the client loads no worker, no ledger, no vendor SDK', looked && heavy.length === 0, heavy);
  say(`     ${loaded.length} modules, loaded in ${ms.toFixed(0)} ms`);
}

/** Temporal's own command line tells more around it. */
function resultOf({ code, stdout }: Outcome): string | undefined {
  return code === 0 ? /"resultFileId":\s*"(\d+)"/.exec(stdout)?.[1] : undefined;
}

async function tryOut(example: Example, stack: DevStack, temporalFolder: string): Promise<void> {
  const { name, toolchain, tellsUnreachable = false } = example;
  const there = await run('sh', ['-c', `command -v ${toolchain}`]);
  if (there.code !== 0) {
    claims.hold(`${name}: ${toolchain} is not installed, so its example was not run`, process.env.CI === undefined);
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), `smart-erase-example-${name}-`));
  try {
    await cp(join(ROOT, 'examples', name), folder, {
      recursive: true,
      filter: (path) => !/\/(node_modules|dist|venv|__pycache__)$/.test(path),
    });
    const { command, args } = await example.ready(folder);
    const env = {
      PATH: `${temporalFolder}:${process.env.PATH}`,
      HOME: process.env.HOME,
      TEMPORAL_ADDRESS: stack.temporal,
      TEMPORAL_NAMESPACE: stack.namespace,
    };
    const admin = new SimulatorAdmin(stack.simulator ?? '');
    const start = (fileId: string, key: string) => run(command, [...args, fileId, key], { cwd: folder, env });

    const first = await start(FILE_ID, `${name}-1`);
    const submits = async () => (await admin.tasks()).filter(({ kind }) => kind === 'ProcessMediaByMPS').length;
    const paid = await submits();
    const result = resultOf(first);
    claims.hold(`${name}: starts an erase and gets its result`, result !== undefined, result ?? first);

    const again = resultOf(await start(FILE_ID, `${name}-1`));
    const same = again !== undefined && again === result;
    claims.hold(`${name}: the same again gives the same result, and pays nothing`, same && (await submits()) === paid);

    const failed = await start(UNKNOWN_FILE_ID, `${name}-2`);
    const typed = failed.code === 1 && ONE_SENTENCE.test(failed.stderr);
    claims.hold(`${name}: tells a typed failure`, typed, typed ? undefined : failed);

    if (!tellsUnreachable) return;
    const alone = await run(command, [...args, FILE_ID], { cwd: folder, env: { ...env, TEMPORAL_ADDRESS: NOBODY } });
    const told = alone.code === 2 && alone.stdout === '' && alone.stderr.includes(NOBODY);
    claims.hold(`${name}: a server that cannot be reached is no failed erase`, told, told ? undefined : alone);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Those that the command line names; without a name all. */
function chosen(): readonly Example[] {
  const { positionals: names } = parseArgs({ allowPositionals: true });
  const unknown = names.filter((name) => !EXAMPLES.some((example) => example.name === name));
  if (unknown.length > 0) {
    const known = EXAMPLES.map(({ name }) => name).join(', ');
    throw new Error(`There is no example ${unknown.join(', ')}. Give none for all, or some of: ${known}.`);
  }
  return names.length === 0 ? EXAMPLES : EXAMPLES.filter(({ name }) => names.includes(name));
}

async function main(): Promise<number> {
  const examples = chosen();
  await build({ onProgress: say, strict: false });
  if (examples.length === EXAMPLES.length) await installProgram();
  const cli = await findTemporalCli({ onProgress: say });
  const stack = await startDevStack({
    ...{ temporalPort: 0, uiPort: 0, simulatorPort: 0, databasePort: 0 },
    simulator: ({ port }) => ({
      program: [process.execPath, MAIN],
      args: ['simulator', '--port', String(port), '--task-duration', '500ms', '-o', 'json'],
    }),
    worker: () => ({ program: [process.execPath, MAIN], args: ['worker', '-o', 'json'] }),
    workerEnvironment: { VOD_POLL_FIRST_SECONDS: '0.5', VOD_POLL_MAX_SECONDS: '1', SMART_ERASE_LOG_LEVEL: 'error' },
    onProgress: say,
  });
  try {
    for (const example of examples) {
      await tryOut(example, stack, dirname(cli.path)).catch((error: Error) => {
        claims.hold(`${example.name}: can be run`, false, error.message);
      });
    }
  } finally {
    await stack.stop();
  }
  return claims.verdict();
}

process.exitCode = await main();

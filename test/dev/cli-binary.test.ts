import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findTemporalCli, temporalCliCachePath } from '../../src/local/temporal-cli.js';

let folder: string;
let env: NodeJS.ProcessEnv;
let server: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-binary-'));
  env = { XDG_CACHE_HOME: join(folder, 'cache'), PATH: join(folder, 'bin'), TEMPORAL_CLI_DOWNLOAD: 'off' };
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function script(path: string, body: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}

const fakeCli = (path: string, version = '1.29.1') =>
  script(path, `echo "temporal version 1.5.1 (Server ${version}, UI 2.42.1)"`);

/** A `go` that takes a second, notes each build, and makes a fake CLI. Its arguments are those of `go build`. */
const fakeGo = () =>
  script(
    join(folder, 'go', 'go'),
    `echo build >> ${folder}/builds
     while [ "$1" != -o ]; do shift; done
     sleep 1
     printf '#!/bin/sh\\necho "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)"\\n' > "$2"`,
  );

async function listen(answer: (url: string) => Buffer | object | 'silence' | number): Promise<string> {
  server = createServer((request, response) => {
    const body = answer(request.url ?? '');
    if (body === 'silence') return;
    if (typeof body === 'number') response.writeHead(body).end();
    else response.end(Buffer.isBuffer(body) ? body : JSON.stringify(body));
  });
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

test('TEMPORAL_CLI_PATH wins over everything, and is never left out in silence', async () => {
  await fakeCli(join(folder, 'bin', 'temporal'));
  const path = await fakeCli(join(folder, 'mine', 'temporal'));
  expect(await findTemporalCli({ env: { ...env, TEMPORAL_CLI_PATH: path } })).toEqual({
    path,
    source: 'TEMPORAL_CLI_PATH',
    serverVersion: '1.29.1',
  });
  const old = await fakeCli(join(folder, 'old', 'temporal'), '1.20.0');
  for (const [wrong, words] of [
    [join(folder, 'nowhere'), /is not a program that can be run/],
    [await script(join(folder, 'other'), 'echo hello'), /does not tell its version/],
    [old, /has server 1\.20\.0: .*1\.28\.0 or newer/],
  ] as const) {
    await expect(findTemporalCli({ env: { ...env, TEMPORAL_CLI_PATH: wrong } })).rejects.toThrow(words);
  }
});

test('a CLI on PATH wins over the cache, unless it is too old', async () => {
  await fakeCli(temporalCliCachePath(env));
  expect(await findTemporalCli({ env })).toMatchObject({ source: 'cache' });
  const path = await fakeCli(join(folder, 'bin', 'temporal'));
  expect(await findTemporalCli({ env })).toMatchObject({ source: 'PATH', path });
  await fakeCli(path, '1.27.9');
  const said: string[] = [];
  expect(await findTemporalCli({ env, onProgress: (line) => said.push(line) })).toMatchObject({ source: 'cache' });
  expect(said.join()).toContain('has server 1.27.9, 1.28.0 is needed');
});

test('without a CLI, a download and Go, one sentence names all the ways', async () => {
  const failure = await findTemporalCli({ env, goCommand: join(folder, 'no-go') }).catch((error) => error);
  expect(failure).toMatchObject({ name: 'LocalServerError', problem: 'program-missing', exitCode: 4 });
  for (const way of [
    'Go is not installed',
    'PATH',
    'TEMPORAL_CLI_PATH',
    temporalCliCachePath(env),
    'temporal.download',
    'install Go',
  ]) {
    expect(failure.message).toContain(way);
  }
  expect(failure.message).not.toContain('\n');
});

test('several processes at once build it once, and leave nothing else in the cache', async () => {
  const goCommand = await fakeGo();
  const found = await Promise.all([1, 2, 3].map(() => findTemporalCli({ env, goCommand })));
  expect(found.map(({ source }) => source).sort()).toEqual(['build', 'cache', 'cache']);
  expect(await readFile(join(folder, 'builds'), 'utf8')).toBe('build\n');
  expect(await readdir(dirname(temporalCliCachePath(env)))).toEqual(['temporal']);
});

test('the lock of a process that is gone keeps nobody waiting', async () => {
  const lock = `${temporalCliCachePath(env)}.lock`;
  await mkdir(dirname(lock), { recursive: true });
  // No pid is as high as this: Linux stops at 2^22.
  await writeFile(lock, String(2 ** 30));
  expect(await findTemporalCli({ env, goCommand: await fakeGo() })).toMatchObject({ source: 'build' });
});

test('a build that fails is told with its last words, and leaves no half of a program', async () => {
  const goCommand = await script(join(folder, 'go', 'go'), 'echo "cannot find module" >&2; exit 1');
  await expect(findTemporalCli({ env, goCommand })).rejects.toThrow(/go build failed \(cannot find module\)/);
  expect(await readdir(dirname(temporalCliCachePath(env)))).toEqual([]);
});

test('an abort ends a build', async () => {
  const goCommand = await script(join(folder, 'go', 'go'), `echo $$ > ${folder}/pid; exec sleep 600`);
  const abort = new AbortController();
  const finding = findTemporalCli({ env, goCommand, signal: abort.signal, onProgress: () => abort.abort() });
  await expect(finding).rejects.toThrow(/abort/i);
});

test('a release is fetched and unpacked as the SDK does it', async () => {
  const { execFileSync } = await import('node:child_process');
  await fakeCli(join(folder, 'release', 'temporal'));
  const archive = execFileSync('tar', ['-czf', '-', '-C', join(folder, 'release'), 'temporal']);
  const asked: string[] = [];
  const service = await listen((url) => {
    asked.push(url);
    if (url === '/archive') return archive;
    return { archiveUrl: `${service}/archive`, fileToExtract: 'temporal' };
  });
  const withTar = { ...env, TEMPORAL_CLI_DOWNLOAD: undefined };
  expect(await findTemporalCli({ env: withTar, downloadService: service })).toMatchObject({ source: 'download' });
  expect(asked[0]).toMatch(/^\/cli\/v1\.5\.1\?arch=\w+&platform=\w+&format=tar\.gz$/);
  expect(await findTemporalCli({ env })).toMatchObject({ source: 'cache' });
});

test.each([
  ['refuses', 503, /answered 503/],
  ['names no archive', {}, /did not name an archive/],
  ['is silent', 'silence', /did not answer within 5 s/],
] as const)('a download service that %s leaves the way to the build', async (_name, answer, reason) => {
  const downloadService = await listen(() => answer);
  const withDownload = { ...env, TEMPORAL_CLI_DOWNLOAD: undefined };
  const failing = findTemporalCli({ env: withDownload, downloadService, goCommand: join(folder, 'no-go') });
  await expect(failing).rejects.toThrow(reason);
  const goCommand = await fakeGo();
  expect(await findTemporalCli({ env: withDownload, downloadService, goCommand })).toMatchObject({ source: 'build' });
});

/**
 * `npm run test:stack`: docker-compose.yml read by the real Docker Compose, its services run as processes of this machine
 * (PostgreSQL and Prometheus of Debian, Temporal's server and UI built at the pinned versions, workers from the Dockerfile's own
 * steps), and 500 erases on it while the server, the database and workers are killed.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { startReaper } from '../../src/local/stack/reaper.js';
import { findTemporalCli } from '../../src/local/temporal-cli.js';
import { waitUntil } from '../../src/local/wait-until.js';
import { eventually } from '../support/processes.js';
import { Claims } from './claims.js';
import { type ComposeModel, composeModel } from './compose-model.js';
import { BATCH_ID, runBatch } from './erases.js';
import { type ForeignImages, otherVersions, temporalImages } from './foreign-images.js';
import { DOCKER_COMPOSE, goPrograms } from './go-tools.js';
import { buildNatively, type NativeImage, NOT_PROCESS_ONE } from './image.js';
import { checkListQueries, checkLists, checkUi } from './list-queries.js';
import { NativeContainer } from './native-container.js';
import { NativeStack } from './native-stack.js';
import { query, startPrometheus } from './prometheus.js';
import { runCommand } from './run-command.js';
import { checkSchemaUpgrade } from './schema-upgrade.js';
import { checkMutualTls } from './tls.js';
import { checkVersions } from './versions.js';

const USAGE = `npm run test:stack -- [options]
  --erases N      how many (default 500)
  --context DIR   what the image is built from (default: this clone)
  --image DIR     an image folder of an earlier run with --keep, instead of building one
  --keep          leave the folder with data and logs`;

const { values } = parseArgs({
  options: {
    erases: { type: 'string', default: '500' },
    context: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) },
    image: { type: 'string' },
    keep: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

/** Waits that are a minute in production, in the words of .env. The settle time must be above 2 × timeout + 5. */
const QUICK = {
  VOD_REQUEST_TIMEOUT_SECONDS: '4',
  VOD_SETTLE_SECONDS: '15',
  VOD_POLL_FIRST_SECONDS: '3',
  VOD_POLL_MAX_SECONDS: '10',
  VOD_SUB_APP_ID: '1500000001',
};
const WORKERS = 3;
/** As the worker's stop_grace_period in docker-compose.yml. */
const WORKER_GRACE_MS = 60_000;
const DOCTOR_PATIENCE_MS = 60_000;
const MEGABYTE = 1_000_000;

const startedAt = Date.now();
const say = (line: string) => {
  const seconds = ((Date.now() - startedAt) / 1_000).toFixed(0).padStart(4);
  process.stdout.write(`${seconds} s  ${line}\n`);
};

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  const root = resolve(values.context);
  const folder = await mkdtemp(join(tmpdir(), 'smart-erase-stack-'));
  // PostgreSQL runs as another user.
  await chmod(folder, 0o755);
  const reaper = startReaper();
  if (!values.keep) reaper.addFolder(folder);
  const claims = new Claims('stack', say);
  let stack: NativeStack | undefined;
  let prometheus: NativeContainer | undefined;
  try {
    const temporalCli = (await findTemporalCli({ onProgress: say })).path;
    const [images, compose] = await Promise.all([
      temporalImages(join(folder, 'images'), { temporalCli, say }),
      goPrograms(DOCKER_COMPOSE, say),
    ]);
    const model = await composeModel(join(compose, 'docker-compose'), { root, folder, more: QUICK });
    claims.hold('docker compose config takes the file, without a warning', true, Object.keys(model.services).join(' '));
    const others = await otherVersions(model);
    claims.hold("the programs built here are of the images' versions", others.length === 0, others);
    const unknown = await unknownDynamicConfig(images, join(root, 'deploy/temporal/dynamic-config.yaml'));
    claims.hold('the server knows every setting of dynamic-config.yaml', unknown.length === 0, unknown);
    claims.hold(
      'files are mounted read-only, and labelled for SELinux',
      unlabelled(model).length === 0,
      unlabelled(model),
    );
    const image = values.image === undefined ? await build(root, folder, claims) : await earlierImage(values.image);

    const options = { model, folder, images, image, workers: WORKERS, reaper, say };
    await checkSchemaUpgrade(options, claims);
    stack = await NativeStack.create(options);
    await stack.up('simulator');
    await stack.up('worker');
    await checkSetUp(stack, image, claims);
    prometheus = await startPrometheus(stack, { root, folder, workers: WORKERS, reaper });
    await batchUnderFire(stack, image, { count: Number(values.erases), folder }, claims);
    await checkLists(stack, image, { batchId: BATCH_ID, count: Number(values.erases) }, claims);
    await checkListQueries(stack, claims);
    await checkUi(stack, claims);
    await metricsTell(stack, Number(values.erases), claims);
    await workersStop(stack, claims);
    await checkMutualTls(stack, image, { folder, reaper, claims });
    // Last: from then on the server gives the queues' tasks to workers of the current build alone.
    const plainAgain = NativeContainer.start(stack.container('temporal').spec, reaper);
    try {
      await eventually('the server without TLS', async () => (await plainAgain.isHealthy()) || undefined, 60_000);
      await checkVersions(stack, image, { folder, temporalCli, reaper, claims });
    } finally {
      await plainAgain.stop();
    }
  } catch (error) {
    claims.hold('the run came to its end', false, error instanceof Error ? error.stack : String(error));
  } finally {
    await prometheus?.stop();
    await stack?.down();
    await reaper.close();
    if (values.keep) say(`kept: ${folder}`);
    else await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  return claims.verdict();
}

/** What this version of the server says about settings that are read while it runs. It would log it, and go on without them. */
async function unknownDynamicConfig(images: ForeignImages, file: string): Promise<string[]> {
  const server = join(images['temporalio/server']?.programs ?? '', 'temporal-server');
  const { stdout } = await promisify(execFile)(server, ['validate-dynamic-config', file]);
  return stdout.split('\n').filter((line) => /^\s+(error|warning):/.test(line));
}

/** Files of this clone that a container could write to, or could not read where SELinux enforces. */
function unlabelled(model: ComposeModel): string[] {
  return Object.entries(model.services).flatMap(([service, { volumes = [] }]) =>
    volumes
      .filter(({ type, read_only, bind }) => type === 'bind' && !(read_only === true && bind?.selinux === 'z'))
      .map(({ target }) => `${service}: ${target}`),
  );
}

async function build(root: string, folder: string, claims: Claims): Promise<NativeImage> {
  const began = Date.now();
  const image = await buildNatively(root, join(folder, 'image'), say);
  const seconds = Math.round((Date.now() - began) / 1_000);
  claims.hold("the Dockerfile's steps work in a clean folder", true, `${seconds} s, ${megabytes(image.bytes)} MB`);
  const packages = await readFile(join(image.workdir, 'node_modules', '.package-lock.json'), 'utf8');
  const { packages: installed } = JSON.parse(packages) as { packages: Record<string, { dev?: boolean }> };
  const development = Object.entries(installed).filter(([, { dev }]) => dev === true);
  claims.hold(
    'it has production dependencies only',
    development.length === 0,
    `${Object.keys(installed).length} packages`,
  );
  const bundle = await readFile(join(image.workdir, 'dist', 'workflow-bundle.js'), 'utf8').catch(() => '');
  claims.hold('it has the workflow bundle', bundle.length > 0, `${megabytes(bundle.length)} MB`);
  return image;
}

/** Of a run with --keep, to look at one thing again and again. */
async function earlierImage(path: string): Promise<NativeImage> {
  const workdir = join(resolve(path), 'app');
  return {
    root: resolve(path),
    workdir,
    entrypoint: ['tini', '--', 'node', 'dist/cli/main.js'],
    environment: { NODE_ENV: 'production', ...NOT_PROCESS_ONE },
    bytes: 0,
  };
}

async function checkSetUp(stack: NativeStack, image: NativeImage, claims: Claims): Promise<void> {
  const setup = await stack.container('setup').ended;
  claims.hold('set-up ended well', setup.code === 0, { restarts: stack.container('setup').restarts });
  let bad: unknown[] = [];
  // A worker shows on its queues once it has asked for work.
  const fine = await waitUntil(
    async () => {
      const { code, stdout, stderr } = await runCommand(stack, image, ['doctor', '-o', 'jsonl']);
      const lines = stdout.split('\n').filter((line) => line !== '');
      const checks = lines.map((line) => JSON.parse(line) as { verdict: string });
      bad = code === 0 ? checks.filter(({ verdict }) => verdict !== 'ok') : [...checks, stderr];
      return bad.length === 0 || undefined;
    },
    { timeoutMs: DOCTOR_PATIENCE_MS, everyMs: 1_000 },
  );
  claims.hold('the doctor finds everything in order', fine === true, bad);
}

async function batchUnderFire(
  stack: NativeStack,
  image: NativeImage,
  { count, folder }: { count: number; folder: string },
  claims: Claims,
): Promise<void> {
  const hit = (name: string, what: string, signal: NodeJS.Signals) => () => {
    say(`strike: ${what}`);
    stack.container(name).kill(signal);
  };
  const at = (share: number) => Math.round(count * share);
  const strikes = [
    { atAccepted: at(0.12), what: 'kill a worker', act: hit('worker-1', 'worker-1 killed', 'SIGKILL') },
    { atAccepted: at(0.28), what: 'kill the server', act: hit('temporal', 'the Temporal server killed', 'SIGKILL') },
    // Immediate shutdown: what the disk has is what a power cut would leave. SIGKILL would leave its children to themselves.
    { atAccepted: at(0.44), what: 'crash the database', act: hit('postgresql', 'PostgreSQL crashed', 'SIGQUIT') },
    { atAccepted: at(0.6), what: 'kill a worker', act: hit('worker-2', 'worker-2 killed', 'SIGKILL') },
    { atAccepted: at(0.75), what: 'stop a worker', act: hit('worker-3', 'worker-3 told to stop', 'SIGTERM') },
    {
      atAccepted: at(0.88),
      what: 'kill the server',
      act: hit('temporal', 'the Temporal server killed again', 'SIGKILL'),
    },
  ];
  const report = await runBatch(stack, image, { count, folder, strikes });
  const { snapshot, paidTwice, neverPaid, mostInASecond, refused, seconds } = report;
  const { counts, endedAs } = snapshot;
  const well = endedAs === 'completed' && counts.succeeded === count && counts.total === count;
  claims.hold(`a batch of ${count} ends, each item accounted for, each with its result`, well, { endedAs, ...counts });
  claims.hold('none was paid for twice', paidTwice.length === 0, paidTwice.slice(0, 5));
  claims.hold('each was paid for', neverPaid.length === 0, neverPaid.slice(0, 5));
  claims.hold('never above 20 submits in a second, none refused', mostInASecond <= 20 && refused === 0, {
    mostInASecond,
    refused,
  });
  const restarted = ['worker-1', 'worker-2', 'worker-3', 'temporal', 'postgresql'].filter(
    (name) => stack.container(name).restarts === 0,
  );
  claims.hold('what was killed came back by its restart policy', restarted.length === 0, restarted);
  say(`${count} erases in ${seconds} s, outages included`);
}

async function metricsTell(stack: NativeStack, count: number, claims: Claims): Promise<void> {
  const up = await query(stack, 'up');
  const workers = up.filter(
    ({ metric, value }) => 'job' in metric && metric.job === 'smart-erase-worker' && value === 1,
  );
  const server = up.filter(({ metric, value }) => 'job' in metric && metric.job === 'temporal' && value === 1);
  claims.hold('Prometheus scrapes every worker and the server', workers.length === WORKERS && server.length === 1, up);
  // Counters begin anew with each process that was killed; what was counted is at most what happened.
  const [accepted] = await query(stack, 'sum(increase(smart_erase_submits_total{outcome="accepted"}[30m]))');
  const counted = accepted?.value ?? 0;
  claims.hold('the workers count their submits', counted > 0 && counted <= 1.5 * count, Math.round(counted));
  const rules = await fetch(`http://127.0.0.1:${stack.ports.of('prometheus', 9090)}/api/v1/rules`);
  const { data } = (await rules.json()) as { data: { groups: { rules: { health: string; name: string }[] }[] } };
  const all = data.groups.flatMap((group) => group.rules);
  const bad = all.filter(({ health }) => health === 'err').map(({ name }) => name);
  claims.hold(`Prometheus evaluates the ${all.length} rules`, all.length > 0 && bad.length === 0, bad);
}

async function workersStop(stack: NativeStack, claims: Claims): Promise<void> {
  for (let at = 1; at <= WORKERS; at++) {
    const { code, signal, tookMs } = await stack.container(`worker-${at}`).stop();
    const well = code === 0 && tookMs < WORKER_GRACE_MS;
    claims.hold(`worker-${at} ends by itself within its grace`, well, { code, signal, tookMs });
  }
}

const megabytes = (bytes: number) => (bytes / MEGABYTE).toFixed(1);

process.exitCode = await main();

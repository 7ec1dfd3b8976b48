import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

/** What the Dockerfile makes, in a folder instead of an image. */
export interface NativeImage {
  /** The container's `/`. */
  readonly root: string;
  /** Where its program starts. */
  readonly workdir: string;
  readonly entrypoint: string[];
  readonly environment: Record<string, string>;
  /** Bytes in the working folder. */
  readonly bytes: number;
}

/** Here an init is not process 1: it has to ask for what is orphaned, and says so in each run where it did not. */
export const NOT_PROCESS_ONE = { TINI_SUBREAPER: '1' };

interface Stage {
  root: string;
  workdir: string;
  environment: Record<string, string>;
  entrypoint: string[];
}

/**
 * Runs the Dockerfile's steps on this machine: each stage in a clean folder of its own, with this machine's Node instead of
 * the base image, and only what .dockerignore lets through.
 * @throws Error naming the step that failed, or that this cannot run
 */
export async function buildNatively(
  context: string,
  folder: string,
  say: (line: string) => void,
): Promise<NativeImage> {
  const dockerfile = await readFile(join(context, 'Dockerfile'), 'utf8');
  const allowed = [...(await readFile(join(context, '.dockerignore'), 'utf8')).matchAll(/^!(\S+)$/gm)].map(
    ([, path]) => path as string,
  );
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const [step, rest] of instructions(dockerfile)) {
    if (step === 'FROM') {
      const name = / AS (\S+)$/i.exec(rest)?.[1] ?? `stage-${stages.size}`;
      const root = join(folder, name);
      await mkdir(root, { recursive: true });
      stage = { root, workdir: root, environment: {}, entrypoint: [] };
      stages.set(name, stage);
      continue;
    }
    if (stage === undefined) throw new Error(`The Dockerfile has ${step} before FROM.`);
    switch (step) {
      case 'WORKDIR':
        stage.workdir = join(stage.root, rest);
        await mkdir(stage.workdir, { recursive: true });
        break;
      case 'ENV': {
        const [name = '', value = ''] = rest.split(/=(.*)/s);
        stage.environment[name] = value;
        break;
      }
      case 'COPY':
        await copy(rest, stage, stages, context, allowed);
        break;
      case 'RUN':
        say(`image: ${rest.split('\n')[0]}`);
        if (rest.startsWith('apt-get ')) {
          await onThisMachine(rest);
          break;
        }
        // Paths at the root belong to the image.
        await shell(rest.replace(/(?<=\s)\/(?=data\b)/g, `${stage.root}/`), stage);
        break;
      case 'ENTRYPOINT':
        stage.entrypoint = JSON.parse(rest) as string[];
        break;
      case 'USER':
      case 'STOPSIGNAL':
      case 'CMD':
        break;
      default:
        throw new Error(`The Dockerfile has ${step}, which cannot be run here.`);
    }
  }
  if (stage === undefined) throw new Error('The Dockerfile has no stage.');
  const { stdout } = await promisify(execFile)('du', ['-sb', stage.workdir]);
  const { root, workdir, entrypoint, environment } = stage;
  return {
    root,
    workdir,
    entrypoint,
    environment: { ...environment, ...NOT_PROCESS_ONE },
    bytes: Number(stdout.split('\t')[0]),
  };
}

function instructions(dockerfile: string): [step: string, rest: string][] {
  const joined = dockerfile.replace(/^#.*\n/gm, '').replace(/\\\n/g, '');
  return [...joined.matchAll(/^([A-Z]+) (.+)$/gm)].map(([, step, rest]) => [step as string, rest as string]);
}

async function copy(
  rest: string,
  into: Stage,
  stages: ReadonlyMap<string, Stage>,
  context: string,
  allowed: readonly string[],
): Promise<void> {
  const words = rest.split(' ').filter((word) => !word.startsWith('--'));
  const from = /--from=(\S+)/.exec(rest)?.[1];
  const target = words.pop() as string;
  const other = from === undefined ? undefined : stages.get(from);
  if (from !== undefined && other === undefined)
    throw new Error(`The Dockerfile copies from ${from}, which is no stage.`);
  for (const word of words) {
    if (other === undefined && !allowed.includes(word)) throw new Error(`.dockerignore keeps ${word} out.`);
    const source = other === undefined ? join(context, word) : join(other.root, word);
    const isFolder = (await stat(source)).isDirectory();
    const path = target.endsWith('/') && !isFolder ? join(target, basename(word)) : target;
    // In the image it is a copy too; of a stage that nothing else uses.
    await cp(source, join(into.workdir, path), { recursive: true, verbatimSymlinks: true });
  }
}

async function shell(command: string, stage: Stage): Promise<void> {
  // The one user of this machine that is there for sure is ours.
  const own = command.replace(/--owner node --group node /g, '');
  const kept = ['PATH', 'HOME', 'npm_config_cache', 'npm_config_registry', 'HTTPS_PROXY', 'https_proxy', 'NO_PROXY'];
  const inherited = Object.fromEntries(kept.map((name) => [name, process.env[name]]));
  const child = spawn('/bin/sh', ['-ec', own], {
    cwd: stage.workdir,
    env: { ...inherited, ...stage.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-4_000);
    });
  }
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`The Dockerfile's step "${command}" failed (${code}): ${said}`);
}

/**
 * What the image takes from Debian, this machine has to have: nothing is installed here, nor are its lists removed.
 * @throws Error naming what is missing
 */
async function onThisMachine(command: string): Promise<void> {
  const [, names = ''] = /\binstall ([^&|;]+)/.exec(command) ?? [];
  const packages = names.split(/\s+/).filter((word) => word !== '' && !word.startsWith('-'));
  if (packages.length === 0) throw new Error(`The Dockerfile's step "${command}" cannot be run here.`);
  for (const name of packages) {
    // Most have a program of their own name; what has none is known to the package manager.
    await promisify(execFile)('/bin/sh', ['-c', 'command -v "$0" || dpkg -s "$0"', name]).catch(() => {
      throw new Error(`The image takes ${name} from Debian, and it is not here: apt-get install ${name}`);
    });
  }
}

/** Removes what only the build needed. */
export async function removeStage(folder: string, name: string): Promise<void> {
  await rm(join(folder, name), { recursive: true, force: true });
}

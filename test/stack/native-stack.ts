import { createWriteStream } from 'node:fs';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Reaper } from '../../src/local/stack/reaper.js';
import { eventually } from '../support/processes.js';
import type { ComposeModel, ComposeService } from './compose-model.js';
import { debianPostgres, initialiseCluster, postgresUser } from './debian-postgres.js';
import type { ForeignImage, ForeignImages } from './foreign-images.js';
import type { NativeImage } from './image.js';
import { type ContainerSpec, NativeContainer } from './native-container.js';
import { anyPort, PortMap } from './translate.js';

export interface NativeStackOptions {
  model: ComposeModel;
  /** For data, logs and mounts; the caller removes it. */
  folder: string;
  /** What stands for the images of others, PostgreSQL's aside. */
  images: ForeignImages;
  image: NativeImage;
  workers: number;
  reaper: Reaper;
  say: (line: string) => void;
  /** On top of what compose gives, by service. */
  environment?: Record<string, Record<string, string>>;
}

/** A service must be healthy, or have done its work, within this time. */
const START_TIMEOUT_MS = 180_000;

/**
 * The services of docker-compose.yml as processes of this machine: in the order, with the commands, environments, mounted
 * files, health checks and restart policies that Docker Compose resolved. Names become loopback, and ports become free ones.
 */
export class NativeStack {
  readonly containers = new Map<string, NativeContainer>();
  private readonly done = new Map<string, Promise<void>>();

  private constructor(
    private readonly options: NativeStackOptions,
    readonly ports: PortMap,
    private readonly innerPorts: Record<string, string>,
  ) {}

  static async create(options: NativeStackOptions): Promise<NativeStack> {
    const workers = Array.from({ length: options.workers }, (_, at) => `worker-${at + 1}`);
    const ports = await PortMap.choose([
      'postgresql',
      'temporal',
      'temporal-ui',
      'simulator',
      'prometheus',
      ...workers,
    ]);
    const inner: Record<string, string> = {};
    for (const name of ['FRONTEND_MEMBERSHIP', 'HISTORY_GRPC', 'HISTORY_MEMBERSHIP']) {
      inner[`${name}_PORT`] = String(await anyPort());
    }
    for (const name of ['MATCHING_GRPC', 'MATCHING_MEMBERSHIP', 'WORKER_GRPC', 'WORKER_MEMBERSHIP']) {
      inner[`${name}_PORT`] = String(await anyPort());
    }
    return new NativeStack(options, ports, inner);
  }

  get temporalAddress(): string {
    return `127.0.0.1:${this.ports.of('temporal', 7233)}`;
  }

  get simulatorUrl(): string {
    return `http://127.0.0.1:${this.ports.of('simulator', 7280)}`;
  }

  /** The superuser's, of one of its databases. */
  databaseUrl(database: string): string {
    const password = this.service('postgresql').environment?.POSTGRES_PASSWORD;
    return `postgresql://postgres:${password}@127.0.0.1:${this.ports.of('postgresql', 5432)}/${database}`;
  }

  /** What a program of the image gets from compose, with the ports of this machine. */
  programEnvironment(service: string): Record<string, string> {
    return this.environmentOf(service, service === 'worker' ? 'worker-1' : service, new Map());
  }

  /** What any other service gets. */
  serviceEnvironment(service: string): Record<string, string> {
    return this.environmentOf(service, service, new Map());
  }

  container(name: string): NativeContainer {
    const found = this.containers.get(name);
    if (found === undefined) throw new Error(`${name} does not run.`);
    return found;
  }

  /** Starts a service after those that it depends on; `worker` with all of its replicas. */
  async up(service: string): Promise<void> {
    let starting = this.done.get(service);
    if (starting === undefined) {
      starting = this.startAfterDependencies(service);
      this.done.set(service, starting);
    }
    await starting;
  }

  private async startAfterDependencies(service: string): Promise<void> {
    const definition = this.service(service);
    const needed = Object.entries(definition.depends_on ?? {});
    await Promise.all(needed.map(([name]) => this.up(name)));
    for (const [name, { condition }] of needed) await this.met(name, condition);
    if (service === 'postgresql') await this.newCluster(definition);
    const replicas = service === 'worker' ? this.options.workers : 1;
    for (let at = 1; at <= replicas; at++) {
      const name = replicas === 1 ? service : `${service}-${at}`;
      const spec = await this.spec(service, name, definition);
      this.containers.set(name, NativeContainer.start(spec, this.options.reaper));
      this.options.say(`${name} started`);
    }
  }

  private async met(name: string, condition: string): Promise<void> {
    const container = this.container(name);
    if (condition === 'service_completed_successfully') {
      const { code } = await container.ended;
      if (code !== 0) throw new Error(`${name} ended with ${code}: ${container.lastLines()}`);
      return;
    }
    await this.healthy(name);
  }

  /** @throws Error with its last lines, when it does not get healthy in time */
  async healthy(name: string): Promise<void> {
    const container = this.container(name);
    await eventually(
      `${name} to be healthy`,
      async () => (await container.isHealthy()) || undefined,
      START_TIMEOUT_MS,
    ).catch((error: Error) => {
      throw new Error(`${error.message}; its last lines: ${container.lastLines()}`);
    });
  }

  private async spec(service: string, name: string, definition: ComposeService): Promise<ContainerSpec> {
    const mounts = await this.mount(service, definition);
    const { image, folder } = this.options;
    const translate = (text: string) => this.ports.translate(text, name, mounts);
    const log = createWriteStream(join(folder, `${name}.log`), { flags: 'a' });
    const base = {
      name,
      env: this.environmentOf(service, name, mounts),
      restart: definition.restart,
      stopSignal: definition.stop_signal ?? ('SIGTERM' as const),
      stopGraceMs: seconds(definition.stop_grace_period ?? '10s') * 1_000,
      health: healthOf(definition)?.map(translate),
      onLine: (line: string) => void log.write(`${line}\n`),
    };
    const command = (definition.command ?? []).map(translate);
    if (service === 'postgresql') {
      const own = ['-D', this.dataDir, '-k', this.socketDir, '-p', String(this.ports.of(name, 5432))];
      const argv = [join(debianPostgres(), 'postgres'), ...own, ...command.slice(1)];
      return { ...base, ...postgresUser(), argv, cwd: '/' };
    }
    if (definition.build !== undefined) {
      return { ...base, argv: [...image.entrypoint, ...command], cwd: image.workdir };
    }
    const own = this.foreignImage(service)?.start;
    const entrypoint = (definition.entrypoint ?? own?.argv ?? []).map(translate);
    if (entrypoint.length === 0) throw new Error(`Nobody knows here what the image of ${service} starts.`);
    return { ...base, argv: [...entrypoint, ...command], cwd: own?.cwd ?? folder };
  }

  private environmentOf(service: string, name: string, mounts: ReadonlyMap<string, string>): Record<string, string> {
    const definition = this.service(service);
    const given = Object.entries(definition.environment ?? {}).map(([key, value]): [string, string] => [
      key,
      this.ports.translate(value ?? '', name, mounts, key.endsWith('_HOST')),
    ]);
    return {
      PATH: this.pathOf(service),
      HOME: this.options.folder,
      ...(definition.build === undefined ? {} : this.options.image.environment),
      ...Object.fromEntries(given),
      ...(service === 'temporal' ? this.temporalEnvironment() : {}),
      ...(service === 'temporal-ui' ? { TEMPORAL_UI_PORT: String(this.ports.of(service, 8080)) } : {}),
      ...(service === 'postgresql' ? { PGPORT: String(this.ports.of('postgresql', 5432)) } : {}),
      ...this.options.environment?.[service],
    };
  }

  /** A container has all ports of its own; on this machine the server's inner ones must be free as well. */
  private temporalEnvironment(): Record<string, string> {
    const port = (inside: number) => String(this.ports.of('temporal', inside));
    const ports = { FRONTEND_GRPC_PORT: port(7233), FRONTEND_HTTP_PORT: port(7243) };
    return { BIND_ON_IP: '127.0.0.1', ...ports, ...this.innerPorts };
  }

  /** Target in the container → path here: the mounted file itself, by a link where the container has it. */
  private async mount(service: string, { volumes = [] }: ComposeService): Promise<Map<string, string>> {
    const root = join(this.options.folder, 'mounts', service);
    const mounts = new Map<string, string>();
    for (const { type, source, target } of volumes) {
      const path = join(root, target);
      await mkdir(type === 'volume' ? path : dirname(path), { recursive: true });
      if (type === 'bind') await symlink(source, path);
      mounts.set(target, path);
    }
    // A program may be given the folder of what is mounted, too.
    if (mounts.size > 0) {
      for (const name of await readdir(root)) if (!mounts.has(`/${name}`)) mounts.set(`/${name}`, join(root, name));
    }
    return mounts;
  }

  private async newCluster({ environment = {}, volumes = [] }: ComposeService): Promise<void> {
    const initScripts = volumes.find(({ target }) => target === '/docker-entrypoint-initdb.d')?.source;
    if (initScripts === undefined) throw new Error('PostgreSQL has no init scripts in docker-compose.yml.');
    await initialiseCluster({
      binaries: debianPostgres(),
      dataDir: this.dataDir,
      socketDir: this.socketDir,
      port: this.ports.of('postgresql', 5432),
      environment: environment as Record<string, string>,
      initScripts,
      path: this.pathOf('postgresql'),
    });
  }

  private get dataDir(): string {
    return join(this.options.folder, 'postgres', 'data');
  }

  private get socketDir(): string {
    return join(this.options.folder, 'postgres', 'socket');
  }

  /** Each service finds the programs of its own image and what any system has, and not those of its neighbours. */
  private pathOf(service: string): string {
    const foreign = this.foreignImage(service);
    const own = foreign === undefined ? [debianPostgres(), dirname(process.execPath)] : [foreign.programs];
    return [...own, '/usr/bin:/bin'].join(':');
  }

  private foreignImage(service: string): ForeignImage | undefined {
    return this.options.images[this.service(service).image.replace(/:[^:/]*$/, '')];
  }

  private service(name: string): ComposeService {
    const found = this.options.model.services[name];
    if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}.`);
    return found;
  }

  /** Last started, first stopped. */
  async down(): Promise<void> {
    for (const container of [...this.containers.values()].reverse()) await container.stop();
  }
}

function healthOf({ healthcheck }: ComposeService): string[] | undefined {
  const [kind, ...rest] = healthcheck?.test ?? [];
  if (kind === undefined || kind === 'NONE') return undefined;
  return kind === 'CMD-SHELL' ? ['/bin/sh', '-c', ...rest] : rest;
}

/** "1m0s" → 60 */
function seconds(duration: string): number {
  const [, minutes = '0', rest = '0'] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(duration) ?? [];
  return Number(minutes) * 60 + Number(rest);
}

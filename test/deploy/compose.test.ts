import { readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DATABASE_VARIABLES, LOG_VARIABLES, VENDOR_VARIABLES } from '../../src/config/environment.js';
import { MONITOR_VARIABLES } from '../../src/config/monitor-settings.js';
import { WEBHOOK_VARIABLES } from '../../src/config/webhook-settings.js';

interface Service {
  image?: string;
  build?: unknown;
  init?: boolean;
  user?: string;
  command?: string[];
  profiles?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string; required?: boolean }>;
  healthcheck?: unknown;
  restart?: string;
  ports?: string[];
  volumes?: string[];
  deploy?: { resources?: { limits?: unknown } };
  logging?: { options?: unknown };
}

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

const text = read('docker-compose.yml');
const compose = parse(text, { merge: true }) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const services = Object.entries(compose.services);
const dockerfile = read('Dockerfile');
const example = read('.env.example');

/** Ends once it is done; others wait for that. */
const isOneShot = (name: string) =>
  services.some(([, { depends_on = {} }]) => depends_on[name]?.condition === 'service_completed_successfully');
/** Ours, built by the Dockerfile. */
const program = services.filter(([, service]) => service.build !== undefined);
/** Every `${NAME…}` that compose takes from .env. */
const taken = [...text.replace(/\$\$/g, '').matchAll(/\$\{([A-Z_]+)[^}]*\}/g)].map(([, name]) => name as string);
/** `NAME=` at the start of a line, also behind a `#`. */
const explained = [...example.matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(
  ([, name, value]) => [name as string, value] as const,
);

/** Read by OpenTelemetry's packages, the first by src/worker/tracing.ts as well. */
const TRACE_SETTINGS = [
  'OTEL_SERVICE_NAME',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
];
/** What compose sets by itself or has no use for, and a worker or a command of one's own reads. */
const OWN_WORKERS_SETTINGS = [
  'DATABASE_URL',
  'SMART_ERASE_METRICS_PORT',
  'SMART_ERASE_METRICS_HOST',
  'SMART_ERASE_DEBUG',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
  'TEMPORAL_ADDRESS',
  'TEMPORAL_API_KEY',
  'TEMPORAL_CLI_DOWNLOAD',
  'TEMPORAL_CLI_PATH',
  'TEMPORAL_CONFIG_FILE',
  'TEMPORAL_PROFILE',
  'TEMPORAL_TLS',
  'TEMPORAL_TLS_CLIENT_CERT_DATA',
  'TEMPORAL_TLS_CLIENT_CERT_PATH',
  'TEMPORAL_TLS_CLIENT_KEY_DATA',
  'TEMPORAL_TLS_CLIENT_KEY_PATH',
  'TEMPORAL_TLS_SERVER_CA_CERT_DATA',
  'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
  'TEMPORAL_TLS_SERVER_NAME',
];
/** The reader's shell has them, whoever runs in it. */
const OF_ANY_SHELL = ['LOGNAME', 'NODE_NO_WARNINGS', 'NO_COLOR', 'PATH', 'TERM', 'USER', 'XDG_CACHE_HOME'];
/** Codecs are not used here, metadata has names of its own, and the SDK leaves out the switch that takes any certificate. */
const NOT_USED_HERE = [
  'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION',
  'TEMPORAL_CODEC_AUTH',
  'TEMPORAL_CODEC_ENDPOINT',
  'TEMPORAL_GRPC_META_',
];

/** Settings that the worker of compose reads; Temporal's own are read by its envconfig. */
const SETTINGS = new Set([
  ...TRACE_SETTINGS,
  ...[DATABASE_VARIABLES, LOG_VARIABLES, VENDOR_VARIABLES, WEBHOOK_VARIABLES, MONITOR_VARIABLES].flatMap((schema) =>
    Object.keys(schema.shape),
  ),
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
]);

describe('docker-compose.yml', () => {
  it('has the parts of the whole', () => {
    expect(Object.keys(compose.services).toSorted()).toEqual([
      'grafana',
      'postgresql',
      'prometheus',
      'setup',
      'simulator',
      'temporal',
      'temporal-namespace',
      'temporal-schema',
      'temporal-ui',
      'worker',
    ]);
  });

  it.each(services)('pins the image of %s to a version', (_name, { image }) => {
    expect(image).toMatch(/:v?\d+\.\d+(\.\d+)?[\w.-]*$/);
  });

  it('takes server and tools of one release', () => {
    const [, version = ''] = /^temporalio\/server:([\d.]+)$/.exec(compose.services.temporal?.image ?? '') ?? [];
    for (const name of ['temporal-schema', 'temporal-namespace']) {
      expect(compose.services[name]?.image).toBe(`temporalio/admin-tools:${version}`);
    }
    // What the stack test builds, and the documents say.
    expect(read('test/stack/go/temporal-server/go.mod')).toContain(`require go.temporal.io/server v${version}`);
    const [, ui = ''] = /^temporalio\/ui:([\d.]+)$/.exec(compose.services['temporal-ui']?.image ?? '') ?? [];
    expect(read('test/stack/go/temporal-ui/go.mod')).toContain(`require github.com/temporalio/ui-server/v2 v${ui}`);
    expect(read('docs/deploy.md')).toContain(`server ${version}, UI ${ui}`);
    expect(read('docs/upgrade.md')).toContain(`${version}`);
  });

  it('takes a server that has the corrections of these security reports', () => {
    const [major = 0, minor = 0, patch = 0] =
      (compose.services.temporal?.image ?? '').split(':')[1]?.split('.').map(Number) ?? [];
    // CVE-2026-33186 of gRPC, and a stream that asked for no authorisation, were corrected in 1.29.5 and 1.29.6.
    expect(major * 1e6 + minor * 1e3 + patch).toBeGreaterThanOrEqual(1_029_006);
  });

  it('asks for the health of Temporal by what is in its images', () => {
    // Alpine with busybox; the server's image has had no Temporal CLI since 1.30.
    for (const name of ['temporal', 'temporal-ui']) {
      const { test = [] } = (compose.services[name]?.healthcheck ?? {}) as { test?: string[] };
      expect(test.slice(0, 2)).toEqual(['CMD', 'wget']);
      // Busybox knows the short options only.
      for (const word of test.slice(2)) expect(word).not.toMatch(/^--/);
    }
  });

  it.each(services)('has no secret in what it gives to %s', (_name, { environment = {} }) => {
    for (const [name, value] of Object.entries(environment)) {
      if (/PASSWORD|PWD|SECRET|TOKEN|API_KEY/.test(name)) expect(value, name).toMatch(/^\$\{[A-Z_]+:[?-][^}]*\}$/);
      // A password inside of a URL.
      expect(value, name).not.toMatch(/:\/\/[^:/@]*:[^$@][^@]*@/);
    }
  });

  it('has no default for a password: without .env it does not start', () => {
    const passwords = taken.filter((name) => name.endsWith('PASSWORD'));
    expect(new Set(passwords)).toEqual(new Set(['POSTGRES_PASSWORD', 'TEMPORAL_DB_PASSWORD', 'LEDGER_DB_PASSWORD']));
    for (const name of passwords) expect(text).not.toContain(`\${${name}:-`);
  });

  it.each(services)('says what becomes of %s when it ends or hangs', (name, { healthcheck, restart }) => {
    expect(restart).toMatch(isOneShot(name) ? /^on-failure:\d+$/ : /^unless-stopped$/);
    if (!isOneShot(name)) expect(healthcheck).toBeDefined();
  });

  it.each(services)('gives %s no more than it needs', (_name, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(service.deploy?.resources?.limits).toMatchObject({
      cpus: expect.any(String),
      memory: expect.any(String),
      pids: expect.any(Number),
    });
    expect(service.logging?.options).toMatchObject({ 'max-size': expect.any(String) });
    // Where it is not said, the image has a user of its own: node, temporal.
    expect(service.user ?? 'of the image').not.toMatch(/^(root|0)\b/);
  });

  it('has connections in the database for the server and eight workers, of as many as the code and the pages say', () => {
    const ofLedger = Number(/^const MAX_LEDGER_CONNECTIONS = (\d+);$/m.exec(read('src/worker.ts'))?.[1]);
    const ofLimiter = Number(/^const CONNECTIONS = (\d+);$/m.exec(read('src/ledger/db/rate-limit-database.ts'))?.[1]);
    const each = ofLedger + ofLimiter;
    const most = Number(/max_connections=(\d+)/.exec(String(compose.services.postgresql?.command))?.[1]);
    // Four services of the server with 20 + 10 each (deploy/temporal/server.yaml).
    expect(most).toBeGreaterThanOrEqual(4 * 30 + 8 * each);
    expect(text).toContain(`each worker up to ${each}: room for eight workers`);
    expect(read('docs/deploy.md').replaceAll(/\s+/g, ' ')).toContain(
      `Each worker opens ${each} connections at most: ${ofLedger} for the ledger and ${ofLimiter} for the rate limiter`,
    );
    expect(read('docs/operate.md')).toContain(`each worker opens at most ${each})`);
  });

  it('scrapes the ports that the services listen on', () => {
    const scraped = read('deploy/prometheus.yml');
    expect(scraped).toContain(`port: ${compose.services.worker?.environment?.SMART_ERASE_METRICS_PORT}`);
    const [, port] = compose.services.temporal?.environment?.PROMETHEUS_ENDPOINT?.split(':') ?? [];
    expect(scraped).toContain(`temporal:${port}`);
  });

  it.each(services)('starts %s after what it needs is ready, not merely started', (_name, { depends_on = {} }) => {
    for (const [needed, { condition }] of Object.entries(depends_on)) {
      expect(condition, needed).toBe(isOneShot(needed) ? 'service_completed_successfully' : 'service_healthy');
      if (condition === 'service_healthy') expect(compose.services[needed]?.healthcheck, needed).toBeDefined();
    }
  });

  it('has the simulator and the monitoring behind profiles, and needs them for nothing', () => {
    const behind = services.flatMap(([name, { profiles }]) => (profiles === undefined ? [] : [[name, ...profiles]]));
    expect(behind).toEqual([
      ['simulator', 'simulator'],
      ['prometheus', 'monitoring'],
      ['grafana', 'monitoring'],
    ]);
    expect(compose.services.worker?.depends_on?.simulator?.required).toBe(false);
  });

  it.each(services)('opens ports of %s to this machine only', (_name, { ports = [] }) => {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('mounts only named volumes that it declares, and files that are there', () => {
    for (const [source = ''] of services.flatMap(([, { volumes = [] }]) =>
      volumes.map((volume) => volume.split(':')),
    )) {
      if (source.startsWith('.')) expect(statSync(new URL(`../../${source}`, import.meta.url)).size).toBeGreaterThan(0);
      else expect(Object.keys(compose.volumes)).toContain(source);
    }
  });

  it('mounts files read-only, and labelled for SELinux, which would keep containers from reading them', () => {
    const files = services.flatMap(([, { volumes = [] }]) => volumes.filter((volume) => /^[./~]/.test(volume)));
    expect(files.length).toBeGreaterThan(5);
    for (const volume of files) expect(volume).toMatch(/:ro,z$/);
    // Shared by containers: a private label (Z) would take a file from the one that mounted it before.
    expect(text).not.toMatch(/:(ro,)?Z$/m);
  });

  it.each(program)('gives %s settings that the program knows', (_name, { environment = {} }) => {
    expect(Object.keys(environment).filter((name) => !SETTINGS.has(name))).toEqual([]);
  });

  it('lets the worker have every setting of the program', () => {
    const given = Object.keys(compose.services.worker?.environment ?? {});
    expect([...SETTINGS].filter((name) => !given.includes(name))).toEqual([]);
  });

  it.each(program)('runs %s by a command that exists', async (_name, { command = [] }) => {
    const { buildProgram } = await import('../../src/cli/program.js');
    expect(buildProgram().commands.map((each) => each.name())).toContain(command[0]);
  });

  it('leaves a submit in mid-call the time to end', () => {
    const grace = /stop_grace_period: (\d+)s/.exec(text.slice(text.indexOf('\n  worker:')))?.[1];
    // Twice the request timeout of 20 s, 10 to write the answer down, 5 to end what was cut off.
    expect(Number(grace)).toBeGreaterThanOrEqual(55);
  });
});

describe('.env.example', () => {
  it('explains every variable that compose takes or a worker of your own reads, once, and no other', () => {
    const names = explained.map(([name]) => name);
    expect(names.toSorted()).toEqual([...new Set([...taken, ...OWN_WORKERS_SETTINGS])].toSorted());
    // A comment stands above each, or above the group that it belongs to.
    expect(example).not.toMatch(/^\n#?[A-Z_]+=/m);
  });

  it('explains whatever the code reads', () => {
    const files = readdirSync(new URL('../../src', import.meta.url), { recursive: true, encoding: 'utf8' });
    const code = files.filter((name) => name.endsWith('.ts')).map((name) => read(`src/${name}`));
    // `env.NAME`, `process.env.NAME`, `environment.NAME`; the schemas of the settings are in SETTINGS.
    const inCode = [...code.join('\n').matchAll(/\benv(?:ironment)?\.([A-Z][A-Z_]+)\b/g)].map(
      ([, name]) => name as string,
    );
    const envconfig = read('node_modules/@temporalio/envconfig/lib/envconfig-toml.js');
    const temporals = [...envconfig.matchAll(/'(TEMPORAL_[A-Z_]+)'/g)].map(([, name]) => name as string);
    expect(inCode.length).toBeGreaterThan(15);
    expect(temporals).toContain('TEMPORAL_TLS_SERVER_NAME');
    const known = new Set([...explained.map(([name]) => name), ...OF_ANY_SHELL, ...NOT_USED_HERE]);
    const unexplained = [...SETTINGS, ...inCode, ...temporals].filter((name) => !known.has(name));
    // What psql reads as well is explained where DATABASE_URL is.
    const page = read('docs/deploy.md');
    expect(unexplained.filter((name) => !(name.startsWith('PG') && page.includes(`\`${name}\``)))).toEqual([]);
  });

  it('has no secret in it', () => {
    for (const [name, value] of explained)
      if (/PASSWORD|SECRET|TOKEN|API_KEY|_DATA|DATABASE_URL|HEADERS/.test(name)) expect(value, name).toBe('');
  });

  it('shows the defaults that the program has', () => {
    const schemas = [LOG_VARIABLES, VENDOR_VARIABLES, MONITOR_VARIABLES];
    const shape = Object.assign({}, ...schemas.map((schema) => schema.shape)) as object;
    const defaults = Object.assign({}, ...schemas.map((schema) => schema.parse({}))) as Record<string, unknown>;
    for (const [name, value] of explained) {
      if (name in shape && defaults[name] !== undefined) expect(value, name).toBe(String(defaults[name]));
    }
  });
});

describe('deploy/temporal-step.yml', () => {
  it('gives server and schema tool another version, and changes nothing else', () => {
    const { services: changed } = parse(read('deploy/temporal-step.yml')) as { services: Record<string, object> };
    const names = { 'temporal-schema': 'admin-tools', temporal: 'server' };
    expect(Object.keys(changed)).toEqual(Object.keys(names));
    for (const [service, image] of Object.entries(names)) {
      expect(Object.keys(changed[service] ?? {})).toEqual(['image']);
      expect(changed[service]).toMatchObject({
        image: expect.stringMatching(`^temporalio/${image}:\\$\\{TEMPORAL_STEP`),
      });
    }
    expect(read('docs/upgrade.md')).toContain('TEMPORAL_STEP=');
  });
});

describe('deploy/two-builds.yml', () => {
  const { services: added } = parse(read('deploy/two-builds.yml'), { logLevel: 'error' }) as {
    services: Record<string, Record<string, unknown>>;
  };

  it('adds one worker, like that of docker-compose.yml but for image and build, under its name in the network', () => {
    expect(Object.keys(added)).toEqual(['worker-before']);
    expect(added['worker-before']).toMatchObject({
      extends: { file: 'docker-compose.yml', service: 'worker' },
      pull_policy: 'never',
      networks: { default: { aliases: ['worker'] } },
    });
    // It must never be built from the sources of now.
    expect(read('deploy/two-builds.yml')).toMatch(/^ {4}build: !reset null$/m);
  });

  it('asks for what only its reader knows', () => {
    const asked = [...read('deploy/two-builds.yml').matchAll(/\$\{([A-Z_]+):\?[^}]+\}/g)].map(
      ([, name]) => name as string,
    );
    expect(asked).toEqual(['BEFORE_IMAGE', 'BEFORE_BUILD_ID']);
    for (const name of asked) expect(read('docs/upgrade.md')).toContain(`${name}=`);
  });
});

describe('Dockerfile', () => {
  it('pins its base, ends on SIGTERM, and runs as nobody special', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    expect(new Set(bases).size).toBe(1);
    expect(bases[0]).toMatch(/^node:\d+\.\d+\.\d+-bookworm-slim$/);
    expect(dockerfile).toMatch(/^STOPSIGNAL SIGTERM$/m);
    expect(dockerfile).toMatch(/^USER node$/m);
  });

  it('has its init inside, so that compose adds none before it', () => {
    const [, last = ''] = dockerfile.split(/^FROM .*(?<! AS build)$/m);
    expect(last).toMatch(/^RUN apt-get .*\binstall .*\btini\b/m);
    // Without them a worker trusts no server: TLS to Temporal, PostgreSQL and webhooks is for those that have them.
    expect(last).toMatch(/^RUN apt-get .*\binstall .*\bca-certificates\b/m);
    expect(last).toMatch(/^ENTRYPOINT \["tini", "--", "node", "dist\/cli\/main.js"\]$/m);
    expect(program.length).toBeGreaterThan(0);
    expect(program.filter(([, { init }]) => init === true).map(([name]) => name)).toEqual([]);
  });

  it('copies what is there and what .dockerignore lets through', () => {
    const allowed = [...read('.dockerignore').matchAll(/^!(\S+)$/gm)].map(([, path]) => path as string);
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) =>
      paths.split(' '),
    );
    expect(copied.toSorted()).toEqual(
      expect.arrayContaining(['package.json', 'package-lock.json', './src'].map((p) => p.replace('./', ''))),
    );
    for (const path of copied) {
      expect(allowed).toContain(path);
      expect(() => statSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)))).not.toThrow();
    }
  });
});

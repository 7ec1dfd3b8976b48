import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Reaper } from '../../src/local/stack/reaper.js';
import { NativeContainer } from './native-container.js';
import type { NativeStack } from './native-stack.js';

interface ScrapeConfig {
  job_name: string;
  dns_sd_configs?: { names: string[]; port: number }[];
  static_configs?: { targets: string[] }[];
}

/** The container's, shorter: the stack lives for minutes. */
const SCRAPE_EVERY = '2s';

/**
 * Debian's Prometheus with the file that compose mounts: its rules as they are, its targets by their ports here. It has no
 * name service that knows three workers by one name.
 */
export async function startPrometheus(
  stack: NativeStack,
  { root, folder, workers, reaper }: { root: string; folder: string; workers: number; reaper: Reaper },
): Promise<NativeContainer> {
  const own = join(folder, 'prometheus');
  await mkdir(join(own, 'data'), { recursive: true });
  const config = parse(await readFile(join(root, 'deploy', 'prometheus.yml'), 'utf8')) as {
    global: Record<string, string>;
    scrape_configs: ScrapeConfig[];
  };
  config.global = { scrape_interval: SCRAPE_EVERY, scrape_timeout: SCRAPE_EVERY, evaluation_interval: SCRAPE_EVERY };
  for (const scrape of config.scrape_configs) {
    const { dns_sd_configs: byName, ...rest } = scrape;
    const names = Array.from({ length: workers }, (_, at) => `worker-${at + 1}`);
    const targets =
      byName === undefined
        ? (rest.static_configs ?? []).flatMap((each) => each.targets)
        : byName.flatMap(({ port }) => names.map((name) => `${name}:${port}`));
    delete scrape.dns_sd_configs;
    scrape.static_configs = [{ targets: targets.map((target) => stack.ports.translate(target, '', new Map())) }];
  }
  await writeFile(join(own, 'prometheus.yml'), stringify(config));
  await writeFile(join(own, 'alerts.yml'), await readFile(join(root, 'deploy', 'alerts.yml')));
  const address = `127.0.0.1:${stack.ports.of('prometheus', 9090)}`;
  const flags = ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=${address}`];
  return NativeContainer.start(
    {
      name: 'prometheus',
      argv: ['prometheus', ...flags],
      env: { PATH: process.env.PATH ?? '' },
      cwd: own,
      restart: 'on-failure:1',
      stopSignal: 'SIGTERM',
      stopGraceMs: 10_000,
      onLine: () => undefined,
    },
    reaper,
  );
}

/** The values of a query, by the labels of each. @throws Error with Prometheus' own words */
export async function query(stack: NativeStack, expression: string): Promise<{ metric: object; value: number }[]> {
  const url = new URL(`http://127.0.0.1:${stack.ports.of('prometheus', 9090)}/api/v1/query`);
  url.searchParams.set('query', expression);
  const answer = (await (await fetch(url)).json()) as {
    error?: string;
    data?: { result: { metric: object; value: [number, string] }[] };
  };
  if (answer.data === undefined) throw new Error(`Prometheus refuses ${expression}: ${answer.error}`);
  return answer.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
}

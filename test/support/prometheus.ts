import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { findFreePort } from '../../src/local/free-port.js';
import { eventually } from './processes.js';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));

export const NO_PROMETHEUS =
  'No Prometheus here, so alerts and dashboards are not tried: apt-get install prometheus, with promtool.';

/**
 * Path of `prometheus` or `promtool` on PATH; undefined where there is none.
 * @throws Error when there is none although REQUIRE_PROMETHEUS=1
 */
export function findPrometheus(name: 'prometheus' | 'promtool', env = process.env): string | undefined {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const found = folders.map((folder) => join(folder, name)).find(isProgram);
  if (found === undefined && env.REQUIRE_PROMETHEUS === '1') {
    throw new Error(`${NO_PROMETHEUS} REQUIRE_PROMETHEUS=1 makes this an error.`);
  }
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs promtool in `deploy/`. @throws Error with what it printed, when it is not content */
export function promtool(path: string, ...args: string[]): string {
  return execFileSync(path, args, { cwd: DEPLOY, encoding: 'utf8', stdio: 'pipe' });
}

export interface Sample {
  metric: Record<string, string>;
  value: [time: number, value: string];
}

export interface Rule {
  name: string;
  query: string;
  type: 'alerting' | 'recording';
  health: string;
  lastError?: string;
  state?: 'inactive' | 'pending' | 'firing';
}

export interface PrometheusProcess {
  /** Samples of now. @throws Error when the query is not understood */
  query(expr: string): Promise<Sample[]>;
  rules(): Promise<Rule[]>;
  stop(): Promise<void>;
}

interface Config {
  global: Record<string, string>;
  scrape_configs: { job_name: string; dns_sd_configs?: unknown; static_configs?: unknown }[];
}

/** A Prometheus of its own, with deploy/prometheus.yml and its rules, that looks at `targets` (`host:port`) every two seconds. */
export async function startPrometheus(path: string, targets: readonly string[]): Promise<PrometheusProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const config = parse(readFileSync(join(DEPLOY, 'prometheus.yml'), 'utf8')) as Config;
  const job = config.scrape_configs.find((each) => each.job_name === 'smart-erase-worker');
  if (job === undefined) throw new Error('deploy/prometheus.yml has no job for the workers.');
  delete job.dns_sd_configs;
  job.static_configs = [{ targets }];
  config.scrape_configs = [job];
  config.global = { scrape_interval: '2s', scrape_timeout: '2s', evaluation_interval: '1s' };
  writeFileSync(join(folder, 'prometheus.yml'), stringify(config));
  cpSync(join(DEPLOY, 'alerts.yml'), join(folder, 'alerts.yml'));

  const port = await findFreePort({ port: 0, purpose: 'Prometheus' });
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    path,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  const get = async (way: string): Promise<unknown> => {
    const answer = (await (await fetch(`${url}/api/v1/${way}`)).json()) as { error?: string; data: unknown };
    if (answer.error !== undefined) throw new Error(`${way}: ${answer.error}`);
    return answer.data;
  };
  await eventually('Prometheus', async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus did not start: ${complaints}`);
    return (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok || undefined;
  });
  return {
    query: async (expr) => ((await get(`query?query=${encodeURIComponent(expr)}`)) as { result: Sample[] }).result,
    rules: async () => ((await get('rules')) as { groups: { rules: Rule[] }[] }).groups.flatMap((each) => each.rules),
    stop: async () => {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

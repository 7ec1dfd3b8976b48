import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What `docker compose config --format json` gives for a service; only what is used here. */
export interface ComposeService {
  image: string;
  build?: { context: string };
  command: string[] | null;
  entrypoint: string[] | null;
  environment?: Record<string, string | null>;
  depends_on?: Record<string, { condition: string; required: boolean }>;
  healthcheck?: { test: string[] };
  restart: string;
  stop_signal?: NodeJS.Signals;
  stop_grace_period?: string;
  volumes?: { type: string; source: string; target: string; read_only?: boolean; bind?: { selinux?: string } }[];
  user?: string;
  profiles?: string[];
}

export interface ComposeModel {
  services: Record<string, ComposeService>;
}

/** What an operator fills in; everything else keeps its default. */
const FILLED_IN: Record<string, string> = {
  POSTGRES_PASSWORD: 'superuser0',
  TEMPORAL_DB_PASSWORD: 'temporal1',
  LEDGER_DB_PASSWORD: 'ledger2',
  GRAFANA_PASSWORD: 'grafana3',
  TENCENTCLOUD_SECRET_ID: 'AKIDsimulator',
  TENCENTCLOUD_SECRET_KEY: 'simulator',
  VOD_ENDPOINT: 'http://simulator:7280',
};

/**
 * The real Docker Compose reads docker-compose.yml with a .env that was made from .env.example; every profile is on.
 * @param more settings that an operator uncomments
 * @throws Error with what Compose complained about; a warning counts as a complaint
 */
export async function composeModel(
  compose: string,
  { root, folder, more = {} }: { root: string; folder: string; more?: Record<string, string> },
): Promise<ComposeModel> {
  const envFile = join(folder, '.env');
  await writeFile(envFile, filledIn(await readFile(join(root, '.env.example'), 'utf8'), { ...FILLED_IN, ...more }));
  const args = ['--project-directory', root, '--file', join(root, 'docker-compose.yml'), '--env-file', envFile];
  const own = { PATH: process.env.PATH, HOME: folder };
  const run = promisify(execFile)(compose, [...args, '--profile', '*', 'config', '--format', 'json'], { env: own });
  const { stdout, stderr } = await run.catch((error: { stderr?: string; message: string }) => {
    throw new Error(`docker compose config refuses docker-compose.yml: ${error.stderr || error.message}`);
  });
  if (stderr.trim() !== '') throw new Error(`docker compose config warns: ${stderr.trim()}`);
  return JSON.parse(stdout) as ComposeModel;
}

function filledIn(example: string, values: Record<string, string>): string {
  const left = new Map(Object.entries(values));
  const lines = example.split('\n').map((line) => {
    const name = /^#?([A-Z_]+)=/.exec(line)?.[1];
    const value = name === undefined ? undefined : left.get(name);
    if (name === undefined || value === undefined) return line;
    left.delete(name);
    return `${name}=${value}`;
  });
  const unknown = [...left.keys()].filter((name) => name !== 'GRAFANA_PASSWORD');
  if (unknown.length > 0) throw new Error(`.env.example does not explain ${unknown.join(', ')}.`);
  return lines.join('\n');
}

import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { type DatabaseTls, databaseTls } from './database-tls.js';
import { type DatabaseParts, readDatabaseUrl } from './database-url.js';

/** Address and connection settings of the ledger's database. Only this module reads DATABASE_URL and psql's PG* variables. */
export interface DatabaseAddress {
  /** Tried in this order. A host that begins with "/" is a socket folder. */
  hosts: readonly { host: string; port: number }[];
  user: string;
  /** Undefined: none, or from the password file. */
  password: string | undefined;
  database: string;
  tls: DatabaseTls;
  /** Whether read-only servers are skipped. */
  writable: boolean;
  /** Session options, such as "-c search_path=erase". */
  options: string | undefined;
  /** Connection timeout per host; undefined: the caller's default. */
  connectTimeoutMs: number | undefined;
  applicationName: string | undefined;
  channelBinding: boolean;
}

const DEFAULT_PORT = 5_432;
/** PostgreSQL's default socket folders: Debian's, and its own. */
const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp'];
const WRITABLE = ['read-write', 'primary'];

/** The address, or its problems: sentences without their subject, which never contain a part of the password. */
export function databaseAddress(
  text: string,
  env: NodeJS.ProcessEnv = process.env,
): DatabaseAddress | { problems: string[] } {
  const parts = readDatabaseUrl(text);
  if ('problem' in parts) return { problems: [parts.problem] };
  const { parameters } = parts;
  const problems: string[] = [];
  const tls = databaseTls(parameters, env, problems);
  const hosts = hostsOf(parts, env, problems);
  const database = parts.database ?? env.PGDATABASE ?? '';
  if (database === '') {
    problems.push('names no database: write it behind the host, like …@host:5432/smart_erase');
  }
  const address: DatabaseAddress = {
    hosts,
    user: parts.user ?? env.PGUSER ?? ownName(),
    password: parts.password ?? (env.PGPASSWORD || undefined),
    database,
    tls,
    writable: writableOf(parameters, env, hosts.length, problems),
    options: optionsOf(parameters, env),
    connectTimeoutMs: secondsOf(parameters, env, problems),
    applicationName: parameters.get('application_name') || undefined,
    channelBinding: ['require', 'prefer'].includes(parameters.get('channel_binding') ?? ''),
  };
  const encoding = parameters.get('client_encoding');
  if (encoding !== undefined && !/^(auto|utf-?8|unicode)?$/i.test(encoding)) {
    problems.push(`has the client_encoding ${encoding}: the ledger talks UTF8, leave it out`);
  }
  return problems.length > 0 ? { problems } : address;
}

/** Problems of an address: sentences without their subject. */
export function databaseProblems(text: string): string[] {
  const address = databaseAddress(text);
  return 'problems' in address ? address.problems : [];
}

/** The address for display: user, hosts and database, without password and parameters. */
export function shownDatabase(text: string): string {
  const address = databaseAddress(text);
  if ('problems' in address) return 'an address that cannot be read';
  const { hosts, user, database } = address;
  const [first] = hosts;
  const name = encodeURIComponent(database);
  if (first?.host.startsWith('/')) {
    const port = first.port === DEFAULT_PORT ? '' : `&port=${first.port}`;
    return `postgresql://${encodeURIComponent(user)}@/${name}?host=${first.host}${port}`;
  }
  const where = hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);
  return `postgresql://${encodeURIComponent(user)}@${where.join(',')}/${name}`;
}

/** The secrets of an address and its environment; without those of an unreadable address. */
export function secretsOfDatabaseUrl(text: string, env: NodeJS.ProcessEnv = process.env): string[] {
  const parts = readDatabaseUrl(text);
  const said = 'problem' in parts ? [] : [text, parts.password, parts.parameters.get('sslpassword')];
  return [...said, env.PGPASSWORD].filter((each) => each !== undefined && each !== '') as string[];
}

function hostsOf({ hosts }: DatabaseParts, env: NodeJS.ProcessEnv, problems: string[]): DatabaseAddress['hosts'] {
  const ports = (env.PGPORT ?? '').split(',');
  const named =
    hosts.length > 0 || !env.PGHOST ? hosts : env.PGHOST.split(',').map((host) => ({ host, port: undefined }));
  const complete = (named.length === 0 ? [{ host: '', port: undefined }] : named).map(({ host, port }, index) => {
    const number = port ?? Number(ports[index] || ports[0] || DEFAULT_PORT);
    return { host: host === '' ? localHost(number) : host, port: number };
  });
  if (complete.some(({ port }) => !Number.isInteger(port))) problems.push('stands beside a PGPORT that is no number');
  return complete;
}

/** Like psql: the local socket if it exists. */
function localHost(port: number): string {
  return SOCKET_FOLDERS.find((folder) => existsSync(`${folder}/.s.PGSQL.${port}`)) ?? 'localhost';
}

function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env.USER ?? 'postgres';
  }
}

/** With several servers, only a writable one is useful. */
function writableOf(
  parameters: ReadonlyMap<string, string>,
  env: NodeJS.ProcessEnv,
  hosts: number,
  problems: string[],
): boolean {
  const said = parameters.get('target_session_attrs') || env.PGTARGETSESSIONATTRS || '';
  if (said === '' || said === 'any') return hosts > 1 && said === '';
  if (WRITABLE.includes(said)) return true;
  problems.push(
    `has target_session_attrs=${said}: the ledger has to be written, so it must be ${WRITABLE.join(', ')} or any`,
  );
  return false;
}

/** Other programs name the schema differently, but PostgreSQL needs it as a session option. */
function optionsOf(parameters: ReadonlyMap<string, string>, env: NodeJS.ProcessEnv): string | undefined {
  const schema = parameters.get('search_path') || parameters.get('currentSchema') || parameters.get('schema');
  const options = parameters.get('options') || env.PGOPTIONS || undefined;
  if (schema === undefined || schema === '') return options;
  const path = `-c search_path=${schema.replaceAll(/[\\ ]/g, '\\$&')}`;
  return options === undefined ? path : `${options} ${path}`;
}

function secondsOf(
  parameters: ReadonlyMap<string, string>,
  env: NodeJS.ProcessEnv,
  problems: string[],
): number | undefined {
  const said = parameters.get('connect_timeout') || env.PGCONNECT_TIMEOUT || '';
  if (said === '') return undefined;
  const seconds = Number(said);
  if (Number.isFinite(seconds)) return seconds > 0 ? seconds * 1_000 : undefined;
  problems.push('has a connect_timeout that is no number of seconds');
  return undefined;
}

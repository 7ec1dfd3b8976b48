import { nearestWord } from '../contract/nearest-word.js';

/** The parts of a database address as written; missing parts have no default. */
export interface DatabaseParts {
  user: string | undefined;
  password: string | undefined;
  /** Empty when none is given. A host that begins with "/" is a socket folder. */
  hosts: readonly { host: string; port: number | undefined }[];
  database: string | undefined;
  /** All other parameters, by their libpq names. */
  parameters: ReadonlyMap<string, string>;
}

/** Supported libpq parameters, and other programs' names for them. */
const PARAMETERS = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'ssl',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'sslcrl',
  'sslnegotiation',
  'ssl_min_protocol_version',
  'ssl_max_protocol_version',
  'channel_binding',
  'options',
  'schema',
  'currentSchema',
  'search_path',
  'target_session_attrs',
  'connect_timeout',
  'application_name',
] as const;

/** Parameters of hosting services and other programs that have no effect here. */
const WITHOUT_EFFECT = new Set([
  'uselibpqcompat',
  'fallback_application_name',
  'client_encoding',
  'gssencmode',
  'load_balance_hosts',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
  'pgbouncer',
  'connection_limit',
  'pool_timeout',
  'socket_timeout',
  'statement_cache_size',
  'prepareThreshold',
]);

const KNOWN: ReadonlySet<string> = new Set([...PARAMETERS, ...WITHOUT_EFFECT]);

const EXAMPLE = 'postgresql://user:password@host:5432/smart_erase';
const ENCODE =
  'In its password percent-encode @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25 and a blank as %20';
const HIGHEST_PORT = 65_535;

/**
 * Reads an address as psql does, a URL or `host=… dbname=…`; accepts an unencoded password in a URL where only one reading is
 * possible. A problem is a sentence without its subject, and never contains text that may be a password.
 */
export function readDatabaseUrl(text: string): DatabaseParts | { problem: string } {
  if (/^\s|\s$/.test(text)) return { problem: 'has a blank or a line end before or behind it: remove it' };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\u0000-\u001f\u007f]/.test(text))
    return { problem: 'holds a line end or another control character: remove it' };
  if (/^["'`“”‘’]/.test(text)) {
    return { problem: 'begins with a quote, which is part of its value here: leave the quotes out' };
  }
  if (/^postgres(ql)?:\/\//i.test(text)) return readUrl(text.slice(text.indexOf('://') + '://'.length));
  if (/^[a-z_]+\s*=/i.test(text)) return readKeywords(text);
  return { problem: otherScheme(text) };
}

function otherScheme(text: string): string {
  const begins = `must be a URL that begins with postgresql://, like ${EXAMPLE}`;
  const scheme = /^([a-z][a-z0-9+.-]{0,30}):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (/^jdbc:/i.test(text)) return `is written for JDBC: it ${begins}`;
  if (/^postgres(ql)?\+/.test(scheme ?? '')) return `is written for SQLAlchemy (${scheme}): it ${begins}`;
  if (/^postgres(ql)?:/i.test(text)) return `lacks a slash: it ${begins}`;
  if (scheme !== undefined) return `begins with ${scheme}://, and the ledger needs PostgreSQL: it ${begins}`;
  return begins;
}

interface Tail {
  hosts: { host: string; port: number | undefined }[];
  database: string | undefined;
  parameters: Map<string, string>;
  unknown: string[];
}

/**
 * Finds the "@" that ends the login: by the URL standard, the last one before the first of "/", "?" and "#". If the rest is no
 * valid address, takes the only one that is followed by one.
 */
function readUrl(rest: string): DatabaseParts | { problem: string } {
  const ends = [...rest.matchAll(/@/g)].map((match) => match.index);
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? '';
  const standard = authority.lastIndexOf('@');
  const readings = [...new Set([standard, ...ends])].flatMap((at) => {
    const tail = readTail(rest.slice(at + 1));
    const login = at === -1 ? {} : readLogin(rest.slice(0, at));
    return tail === undefined || login === undefined ? [] : [{ at, tail, login }];
  });
  const clean = readings.filter(({ tail }) => tail.unknown.length === 0);
  const whole = clean.filter(({ tail }) => tail.database !== undefined || tail.parameters.has('dbname'));
  const chosen = clean.find(({ at }) => at === standard) ?? (whole.length === 1 ? whole[0] : undefined);
  if (chosen === undefined) {
    // Only where the named parameter cannot be a part of a password.
    const only = readings.length === 1 && ends.length <= 1 && (ends.length === 1 || !authority.includes(':'));
    const [name] = (only ? readings[0]?.tail.unknown : undefined) ?? [];
    if (name !== undefined) return { problem: unknownParameter(name) };
    return { problem: `cannot be read as ${EXAMPLE}. ${ENCODE}; and give the port as a number` };
  }
  const { login, tail } = chosen;
  if ('problem' in login) return { problem: login.problem };
  return withParameters({ ...tail, user: login.user, password: login.password });
}

type Login = { user?: string | undefined; password?: string | undefined } | { problem: string };

/** Undefined: not a valid login. */
function readLogin(text: string): Login | undefined {
  const colon = text.indexOf(':');
  const name = colon === -1 ? text : text.slice(0, colon);
  if (/[/?#\s]/.test(name)) return undefined;
  const user = decoded(name);
  const password = colon === -1 ? '' : decoded(text.slice(colon + 1));
  if (user === undefined || password === undefined) {
    return { problem: `has a % in its login that can be read in two ways. ${ENCODE}` };
  }
  return { user: user === '' ? undefined : user, password: password === '' ? undefined : password };
}

/**
 * A "%" without two hex digits means that the text is not encoded. Undefined: both kinds occur, or the bytes are not valid text.
 */
function decoded(text: string): string | undefined {
  const encoded = /%[0-9a-f]{2}/gi;
  if (!encoded.test(text)) return text;
  if (text.replace(encoded, '').includes('%')) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** `host:port,host:port/database?name=value&…` */
function readTail(text: string): Tail | undefined {
  const [whole, authority = '', name, query] = /^([^/?#@\s]*)(?:\/([^/?#@\s]*))?(?:\?(.*))?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const hosts: Tail['hosts'] = [];
  for (const part of authority === '' ? [] : authority.split(',')) {
    const host = readHost(part);
    if (host === undefined) return undefined;
    hosts.push(host);
  }
  const database = name === undefined ? undefined : decoded(name);
  if (name !== undefined && database === undefined) return undefined;
  const parameters = new Map<string, string>();
  const unknown: string[] = [];
  for (const pair of query === undefined || query === '' ? [] : query.split('&')) {
    const [, key, raw] = /^([A-Za-z_]+)=(.*)$/.exec(pair) ?? [];
    if (key === undefined || raw === undefined) return undefined;
    const value = decoded(key === 'options' ? raw.replaceAll('+', ' ') : raw);
    if (value === undefined || (key === 'host' && !value.split(',').every(isHost))) return undefined;
    if (!KNOWN.has(key)) unknown.push(key);
    parameters.set(key, value);
  }
  return { hosts, database: database === '' ? undefined : database, parameters, unknown };
}

function readHost(text: string): { host: string; port: number | undefined } | undefined {
  const [, written, digits] = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d{0,5}))?$/.exec(text) ?? [];
  if (written === undefined) return undefined;
  const host = written.startsWith('[') ? written.slice(1, -1) : decoded(written);
  if (host === undefined || !(host === '' || isHost(host))) return undefined;
  return portOf(digits ?? '') === null ? undefined : { host, port: portOf(digits ?? '') ?? undefined };
}

function isHost(text: string): boolean {
  return text.startsWith('/') || /^[\p{L}\p{N}._-]+$/u.test(text) || /^[0-9a-f:.]+(%\w+)?$/i.test(text);
}

/** Undefined for no port, null for an invalid one. */
function portOf(digits: string): number | null | undefined {
  if (digits === '') return undefined;
  const port = Number(digits);
  return /^\d+$/.test(digits) && port >= 1 && port <= HIGHEST_PORT ? port : null;
}

/** `host=db.example dbname='smart erase'`, psql's keyword form. */
function readKeywords(text: string): DatabaseParts | { problem: string } {
  const parameters = new Map<string, string>();
  const pair = /\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)\s*/y;
  while (pair.lastIndex < text.length) {
    const [, key, quoted, bare] = pair.exec(text) ?? [];
    if (key === undefined) {
      return {
        problem:
          "cannot be read as host=… dbname=…: quote a value with blanks as '…', and write \\' and \\\\ for a quote and a backslash in it",
      };
    }
    if (!KNOWN.has(key)) return { problem: unknownParameter(key) };
    parameters.set(key, (quoted ?? bare ?? '').replaceAll(/\\(.)/g, '$1'));
  }
  return withParameters({ hosts: [], database: undefined, parameters, user: undefined, password: undefined });
}

function unknownParameter(name: string): string {
  const nearest = nearestWord(name, PARAMETERS);
  return `has the parameter ${name}, which nothing here reads${nearest === null ? ': leave it out' : `: is ${nearest} meant?`}`;
}

/** Parameters for host, port, login and database override the parts before them. */
function withParameters(
  parts: Omit<DatabaseParts, 'parameters'> & { parameters: Map<string, string> },
): DatabaseParts | { problem: string } {
  const { parameters } = parts;
  const named = parameters.get('host')?.split(',');
  const ports = parameters.get('port')?.split(',').map(portOf) ?? [];
  if (ports.includes(null)) return { problem: 'has a port that is no number from 1 to 65535' };
  const hosts = named?.map((host) => ({ host, port: undefined })) ?? parts.hosts;
  const several = hosts.length === 0 ? [{ host: '', port: undefined }] : hosts;
  if (ports.length > 1 && ports.length !== several.length) {
    return { problem: `has ${ports.length} ports for ${several.length} hosts: give one port, or one for each host` };
  }
  const withPorts = several.map(({ host, port }, index) => ({
    host,
    port: (ports.length > 1 ? ports[index] : ports[0]) ?? port,
  }));
  return {
    user: parameters.get('user') || parts.user,
    password: parameters.get('password') || parts.password,
    hosts: hosts.length === 0 && ports.length === 0 ? [] : withPorts,
    database: parameters.get('dbname') || parts.database,
    parameters,
  };
}

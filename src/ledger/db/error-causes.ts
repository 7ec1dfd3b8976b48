/** What an error of the driver or the server means. */
export interface Cause {
  kind: 'unavailable' | 'schema' | 'access' | 'unexpected';
  /** Half a sentence; empty where only the error's own text is known. */
  what: string;
  /** What to do; empty where there is no advice. */
  advice: string;
  /** The error's own text. */
  said: string;
}

type Row = [kind: Cause['kind'], what: string, advice: string];

const AGAIN = 'Nothing is lost: try again.';
const ENCODED =
  'Check user and password of DATABASE_URL; in a password percent-encode @ : / ? # % and blanks, a % as %25.';
const GRANTS = 'Grant it as docs/deploy.md says (the rights of the login).';
const POOLER = 'Look at the pooler; docs/deploy.md says what it has to let through.';
const CERTIFICATE = 'docs/deploy.md says what each sslmode checks.';

/** By SQLSTATE, or its class of two characters. */
const BY_STATE: Readonly<Record<string, Row>> = {
  '08': ['unavailable', 'the connection to PostgreSQL broke', AGAIN],
  '08P01': ['unavailable', 'PostgreSQL, or a pooler before it, refused the connection', POOLER],
  '0A000': ['unexpected', 'the server or the pooler cannot do this', POOLER],
  '22021': ['schema', 'the database cannot keep this text: it is not UTF8', 'Give the ledger a database that is UTF8.'],
  '22P05': ['schema', 'the database cannot keep this text: it is not UTF8', 'Give the ledger a database that is UTF8.'],
  '25006': [
    'unavailable',
    'this PostgreSQL can only be read: it is a replica, or default_transaction_read_only is on',
    'Point DATABASE_URL at the primary, or name all servers in it (host1,host2): the one that can be written is then taken.',
  ],
  '25P03': ['unavailable', 'a transaction of ours stood still for too long and was ended', AGAIN],
  '25P04': ['unavailable', 'a transaction of ours took too long and was ended', AGAIN],
  '26000': ['unexpected', 'the pooler gave each statement another session', 'Use pool_mode transaction or session.'],
  '28': ['access', 'PostgreSQL refused the login', ENCODED],
  '28000': [
    'access',
    'PostgreSQL refused the login',
    'Check user and sslmode of DATABASE_URL, and pg_hba.conf of the server.',
  ],
  '28P01': ['access', 'PostgreSQL refused the password', ENCODED],
  '3D000': [
    'access',
    'there is no such database on this server',
    'Correct the name at the end of DATABASE_URL, or create it (createdb).',
  ],
  '3F000': [
    'schema',
    'the schema of the search path does not exist',
    'Create it (create schema …), or correct the search_path of DATABASE_URL.',
  ],
  '40': ['unavailable', 'another transaction was in the way', AGAIN],
  '42501': ['access', 'the login of DATABASE_URL lacks a right', GRANTS],
  '42601': ['unexpected', 'the server does not understand a statement', 'The ledger needs PostgreSQL 14 or newer.'],
  '53': ['unavailable', 'PostgreSQL is short of something', 'Nothing is lost: try again when it has room.'],
  '53100': ['unavailable', 'the disk of PostgreSQL is full', 'Make room on its disk; then try again.'],
  '53200': ['unavailable', 'PostgreSQL is out of memory', 'Give it more memory or fewer connections; then try again.'],
  '53300': [
    'unavailable',
    'PostgreSQL has no connection left',
    'Raise max_connections, end what is idle, or put a pooler before it; each worker opens 20 at most.',
  ],
  '54': ['unexpected', 'a limit of PostgreSQL was reached', ''],
  '55P03': [
    'unavailable',
    'another session holds a lock for too long',
    'See who in pg_stat_activity and pg_locks; then try again.',
  ],
  '57': ['unavailable', 'PostgreSQL ended what was being done', AGAIN],
  '57014': [
    'unavailable',
    'a statement took too long and was ended: another session holds a lock, or the server is overloaded',
    'See who in pg_stat_activity and pg_locks; then try again.',
  ],
  '57P01': ['unavailable', 'PostgreSQL, or its administrator, ended the session', AGAIN],
  '57P02': ['unavailable', 'PostgreSQL crashed and restarts', AGAIN],
  '57P03': ['unavailable', 'PostgreSQL is starting, stopping or recovering', 'Try again in a while.'],
  '57P04': ['access', 'the database was dropped', 'Check the name at the end of DATABASE_URL.'],
  '57P05': ['unavailable', 'the session stood idle for too long and was ended', AGAIN],
  '58': ['unavailable', 'PostgreSQL has a problem with its files', 'Its own log says which.'],
  XX: ['unexpected', 'PostgreSQL has a problem of its own', 'Its own log says more.'],
};

const SCHEMA: Row = [
  'schema',
  "the ledger's tables are not those of this version",
  'Run `smart-erase setup`; if a newer version did, upgrade this program.',
];
/** undefined_table, undefined_column, undefined_function. */
const SCHEMA_STATES = new Set(['42P01', '42703', '42883']);

/** Messages of servers, hosting services and poolers whose SQLSTATE is less specific. */
const BY_SERVER_TEXT: readonly [pattern: RegExp, row: Row][] = [
  [
    /unsupported startup parameter(?: in options)?:? .*(?:search_path|options)|unsupported startup parameter: options/i,
    [
      'access',
      'the pooler does not let the search_path of DATABASE_URL through',
      'Set it for the login instead (alter role … set search_path = …), and leave it out of DATABASE_URL.',
    ],
  ],
  [/unsupported startup parameter/i, ['access', 'the pooler refuses a parameter of DATABASE_URL', POOLER]],
  [
    /no encryption|SSL (?:connection )?(?:is )?required|connection is insecure|requires? (?:SSL|TLS)|SSL off/i,
    ['access', 'PostgreSQL wants TLS', 'Add sslmode=verify-full to DATABASE_URL, or sslmode=require.'],
  ],
  [
    /requires a valid client certificate|certificate authentication failed|client certificate/i,
    ['access', 'PostgreSQL wants a client certificate', 'Add sslcert=FILE and sslkey=FILE to DATABASE_URL.'],
  ],
  [
    /statement pooling mode/i,
    ['access', 'the pooler gives each statement another session', 'Use pool_mode transaction or session.'],
  ],
  [
    /no such database/i,
    ['access', 'the pooler knows no such database', 'Correct the name in DATABASE_URL, or add it there.'],
  ],
  [
    /no such user|Tenant or user not found|auth(?:entication)? failed|password authentication failed/i,
    ['access', 'PostgreSQL, or the pooler before it, refused the login', ENCODED],
  ],
  [
    /query_wait_timeout|no more connections allowed|max(?:imum)? client connections|remaining connection slots|too many connections/i,
    [
      'unavailable',
      'PostgreSQL, or the pooler before it, has no connection left',
      'Raise its limits, or try again later.',
    ],
  ],
  [
    /server login has been failing|cannot connect to server|server conn crashed|pooler is shut|pgbouncer (?:is )?shut/i,
    ['unavailable', 'the pooler cannot reach PostgreSQL', 'Look at the server behind it; then try again.'],
  ],
];

const UNREACHABLE = 'Check host and port of DATABASE_URL, and that the server runs and listens there.';

/** Errors of the network and of TLS, by Node's codes. */
const BY_NODE_CODE: readonly [pattern: RegExp, row: Row][] = [
  [
    /^(ENOTFOUND|EAI_NONAME)$/,
    ['unavailable', 'the host of DATABASE_URL is not known', 'Check the name of the host, and the DNS.'],
  ],
  [/^EAI_/, ['unavailable', 'the name of the host cannot be looked up now', 'Check the DNS; then try again.']],
  [/^ENOENT$/, ['unavailable', 'no PostgreSQL has its socket there', UNREACHABLE]],
  [
    /^(EACCES|EPERM)$/,
    ['access', 'the socket of PostgreSQL may not be used', 'Check the rights of its folder and file.'],
  ],
  [/^(ECONNRESET|EPIPE)$/, ['unavailable', 'the connection to PostgreSQL broke', AGAIN]],
  [/^E(CONN|HOST|NET|TIMEDOUT|ADDR)/, ['unavailable', 'PostgreSQL is not reachable', UNREACHABLE]],
  [
    /SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|CERT_UNTRUSTED|INVALID_CA/,
    [
      'access',
      'the certificate of PostgreSQL comes from no authority that is known here',
      `Give that authority by sslrootcert=FILE in DATABASE_URL. ${CERTIFICATE}`,
    ],
  ],
  [
    /ALTNAME_INVALID|HOSTNAME_MISMATCH/,
    [
      'access',
      'the certificate of PostgreSQL is for another host name',
      `Write the host in DATABASE_URL as the certificate has it. ${CERTIFICATE}`,
    ],
  ],
  [/CERT_HAS_EXPIRED/, ['access', 'the certificate of PostgreSQL has expired', 'Renew it on the server.']],
  [
    /CERT_NOT_YET_VALID/,
    ['access', 'the certificate of PostgreSQL is not valid yet', 'Check the clocks of server and client.'],
  ],
  [/^(CERT_|CRL_)/, ['access', 'the certificate of PostgreSQL was refused', CERTIFICATE]],
  [/^(ERR_SSL|ERR_TLS|EPROTO)/, ['access', 'PostgreSQL and this program agree on no TLS', CERTIFICATE]],
];

/** The driver's messages without a code. */
const BY_DRIVER_TEXT: readonly [pattern: RegExp, row: Row][] = [
  [
    /does not support SSL/,
    [
      'access',
      'PostgreSQL offers no TLS here',
      'Turn it on at the server, or use sslmode=prefer or disable in DATABASE_URL.',
    ],
  ],
  [
    /error establishing an SSL/,
    ['access', 'what answers at the host of DATABASE_URL is no PostgreSQL, or none with TLS', UNREACHABLE],
  ],
  [
    /password must be a string|must be a non-empty string/,
    ['access', 'PostgreSQL asks for a password, and DATABASE_URL has none', 'Write it there, or set PGPASSWORD.'],
  ],
  [/^(SASL|SCRAM)/, ['access', 'the login could not be completed', ENCODED]],
  [/timeout exceeded when trying to connect/, ['unavailable', 'all connections of this process are in use', AGAIN]],
  [/connection timeout|timeout expired/, ['unavailable', 'PostgreSQL does not answer', UNREACHABLE]],
  [
    /Query read timeout/,
    ['unavailable', 'the connection to PostgreSQL broke: a statement had no answer', 'Nothing is lost: try again.'],
  ],
  [
    /Connection terminated|Client has encountered a connection error|Connection ended|not queryable/,
    ['unavailable', 'the connection to PostgreSQL broke', AGAIN],
  ],
];

/** The same error has the same name whatever its source. */
export function causeOf(error: unknown): Cause {
  const first = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  const code = (first as { code?: unknown } | null)?.code;
  const text = first instanceof Error ? first.message : String(first);
  const row = typeof code === 'string' ? byCode(code, text) : matching(BY_DRIVER_TEXT, text);
  const [kind, what, advice] = row ?? (['unexpected', '', ''] as const);
  return { kind, what, advice, said: text.replace(/[.\s]+$/, '') };
}

function byCode(code: string, text: string): Row | undefined {
  const ofNode = matching(BY_NODE_CODE, code);
  if (ofNode !== undefined) return ofNode;
  if (SCHEMA_STATES.has(code)) return SCHEMA;
  const mayBePooler = /^(08|28|XX|53300|0A|57)/.test(code);
  return (
    (mayBePooler ? matching(BY_SERVER_TEXT, text) : undefined) ??
    BY_STATE[code] ??
    BY_STATE[code.slice(0, 2)] ??
    matching(BY_DRIVER_TEXT, text)
  );
}

function matching(rows: readonly [pattern: RegExp, row: Row][], text: string): Row | undefined {
  return rows.find(([pattern]) => pattern.test(text))?.[1];
}

/** The server refused startup parameters. */
export function refusesParameters(error: unknown): boolean {
  return error instanceof Error && /unsupported startup parameter/i.test(error.message);
}

/** TLS is not offered, or no version is shared. */
export function offersNoTls(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return (
    /does not support SSL|error establishing an SSL/.test(String(message)) || /^(EPROTO|ERR_SSL)/.test(String(code))
  );
}

/** Whether another of several servers may succeed. A refused login is refused by all. */
export function isOfThisServer(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return causeOf(error).kind === 'unavailable' && code !== '53300';
}

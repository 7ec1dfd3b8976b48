import { existsSync, readFileSync } from 'node:fs';
import { type ConnectionOptions, createSecureContext, rootCertificates, type SecureVersion } from 'node:tls';

/** Modes as in psql: up to `require` the certificate is not verified, unless `sslrootcert` is given. */
const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof MODES)[number];

export interface DatabaseTls {
  mode: SslMode;
  /** TLS options for the driver; false: no TLS. */
  options: false | ConnectionOptions;
  /** Start TLS at the first byte. */
  direct: boolean;
}

/** System CA bundles; SSL_CERT_FILE takes precedence. */
const SYSTEM_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** Other programs' values of a mode, in `ssl=…` or `sslmode=…`. */
const OTHER_WORDS: Readonly<Record<string, SslMode>> = {
  '0': 'disable',
  false: 'disable',
  '1': 'verify-full',
  true: 'verify-full',
  'no-verify': 'require',
};

/**
 * The TLS settings from an address and psql's variables.
 *
 * @param problems receives a sentence without its subject for each problem
 */
export function databaseTls(
  parameters: ReadonlyMap<string, string>,
  env: NodeJS.ProcessEnv,
  problems: string[],
): DatabaseTls {
  const said = parameters.get('sslmode') ?? parameters.get('ssl') ?? env.PGSSLMODE ?? '';
  const mode = said === '' ? 'prefer' : (MODES.find((each) => each === said) ?? OTHER_WORDS[said]);
  if (mode === undefined) {
    problems.push(`has the sslmode ${said}: it must be one of ${MODES.join(', ')}`);
    return { mode: 'prefer', options: false, direct: false };
  }
  const direct = parameters.get('sslnegotiation') === 'direct';
  if (mode === 'disable') return { mode, options: false, direct: false };
  const file = (name: string, variable: string) => parameters.get(name) || env[variable] || undefined;
  const root = said === 'no-verify' ? undefined : file('sslrootcert', 'PGSSLROOTCERT');
  const verifies = mode === 'verify-full' || mode === 'verify-ca' || (mode === 'require' && root !== undefined);
  if (mode === 'verify-ca' && (root === undefined || root === 'system')) {
    problems.push('has sslmode=verify-ca without an authority of its own: add sslrootcert=FILE, or use verify-full');
  }
  const read = (name: string, path: string | undefined) => readPem(name, path, problems);
  const options: ConnectionOptions = { rejectUnauthorized: verifies };
  const ca = root === undefined || root === 'system' ? undefined : read('sslrootcert', root);
  if (verifies) options.ca = ca === undefined ? systemAuthorities(env) : ca;
  // Only verify-full checks the host name in the certificate.
  if (mode !== 'verify-full') options.checkServerIdentity = () => undefined;
  const cert = file('sslcert', 'PGSSLCERT');
  const key = file('sslkey', 'PGSSLKEY');
  if ((cert === undefined) !== (key === undefined)) {
    problems.push(`has ${cert === undefined ? 'sslkey without sslcert' : 'sslcert without sslkey'}: give both`);
  }
  const crl = file('sslcrl', 'PGSSLCRL');
  const material = {
    cert: read('sslcert', cert),
    key: read('sslkey', key),
    passphrase: parameters.get('sslpassword'),
    crl: crl === undefined ? undefined : read('sslcrl', crl),
    minVersion: version('ssl_min_protocol_version', parameters, problems),
    maxVersion: version('ssl_max_protocol_version', parameters, problems),
  };
  for (const [name, value] of Object.entries(material)) {
    if (value !== undefined) Object.assign(options, { [name]: value });
  }
  if (problems.length === 0) tryOut({ ...options, ca }, problems);
  return { mode, options, direct };
}

function version(name: string, parameters: ReadonlyMap<string, string>, problems: string[]): SecureVersion | undefined {
  const said = parameters.get(name);
  if (said === undefined || said === '') return undefined;
  const known = (['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const).find((each) => each === said);
  if (known === undefined) problems.push(`has the ${name} ${said}: it must be TLSv1.2 or TLSv1.3`);
  return known;
}

function readPem(name: string, path: string | undefined, problems: string[]): string | undefined {
  if (path === undefined) return undefined;
  try {
    const text = readFileSync(path, 'utf8');
    if (text.includes('-----BEGIN ')) return text;
    problems.push(`names a file that is not in PEM, ${name}=${path}: convert it (openssl x509 -inform der -in …)`);
  } catch (error) {
    problems.push(`names a file that cannot be read, ${name}=${path} (${(error as NodeJS.ErrnoException).code})`);
  }
  return undefined;
}

/** CA certificates of Node, of the system, and of NODE_EXTRA_CA_CERTS. */
function systemAuthorities(env: NodeJS.ProcessEnv): string[] {
  const files = [env.SSL_CERT_FILE, env.NODE_EXTRA_CA_CERTS, ...SYSTEM_FILES].filter(
    (path) => path && existsSync(path),
  );
  const texts = files.flatMap((path) => {
    try {
      return [readFileSync(path as string, 'utf8')];
    } catch {
      return [];
    }
  });
  return [...rootCertificates, ...texts];
}

/** Detects a key that does not match its certificate; otherwise OpenSSL would report it at the first connection. */
function tryOut(options: ConnectionOptions, problems: string[]): void {
  try {
    const { ca, cert, key, passphrase, crl } = options;
    createSecureContext({ ca, cert, key, passphrase, crl });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const what = /PASSPHRASE|DECRYPT|password/i.test(`${code} ${message}`)
      ? 'needs another sslpassword for its sslkey'
      : 'has certificates or a key for TLS that do not fit together or are damaged';
    problems.push(`${what} (${code ?? 'unknown'})`);
  }
}

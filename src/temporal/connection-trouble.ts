import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TemporalSettings } from '../config/temporal-settings.js';
import { certificateEnd, tlsOf } from '../config/temporal-tls.js';
import { shortText, visibleText } from '../contract/text.js';
import type { Trouble } from './service-errors.js';

/** Timeout of the diagnosis after a failed connection, in milliseconds. */
const LOOK_MS = 3_000;
/** With TLS 1.3, a server refuses a client certificate after the handshake; wait this long for it, in milliseconds. */
const REFUSAL_MS = 500;
const DEFAULT_PORT = 7_233;
const LONGEST_SAID = 300;
/** Start of an HTTP/2 connection. Source: RFC 9113. */
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** TLS record type of an alert: a TLS server's answer to plain text. */
const TLS_ALERT = 0x15;
/** Type of the first HTTP/2 frame, and therefore of gRPC. */
const HTTP2_SETTINGS = 0x04;
/** Characters shown of an unknown server's answer. */
const SHOWN = 40;

const CHECK_ADDRESS = 'Start it (`smart-erase dev` has one), or set TEMPORAL_ADDRESS to where it listens.';
const MISSING_CA: Trouble = {
  found: 'CA certificates are missing here: the one that signed its certificate is not among those that are trusted.',
  advice:
    'Install ca-certificates; or name the file that has it: TEMPORAL_TLS_SERVER_CA_CERT_PATH for Temporal alone, NODE_EXTRA_CA_CERTS or SSL_CERT_FILE for all.',
};
const WRONG_NAME: Trouble = {
  found: 'Its certificate is for another name.',
  advice: 'Set TEMPORAL_ADDRESS, or TEMPORAL_TLS_SERVER_NAME, to a name that the certificate has.',
};
const SERVER_EXPIRED: Trouble = {
  found: 'Its certificate has ended, or has not begun.',
  advice: "Renew it there; check this machine's clock, too.",
};
const NO_TLS: Trouble = {
  found: 'It speaks no TLS, or ended the connection before that began.',
  advice: 'Set TEMPORAL_TLS to false, or check TEMPORAL_ADDRESS.',
};
const WANTS_TLS: Trouble = {
  found: 'It takes no connection without TLS.',
  advice: 'Set TEMPORAL_TLS to true, or give what it asks for.',
};
const HTTP_SERVER: Trouble = {
  found: 'An HTTP server answers there.',
  advice: 'Set TEMPORAL_ADDRESS to Temporal’s gRPC port (7233 by default), not to that of its UI.',
};
const REFUSES_US: Trouble = {
  found: 'It refuses this client: by its certificate, or for want of one.',
  advice: 'Check TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH: who signed it, and when it ends.',
};

/** By errno or message, in this order: Node's, OpenSSL's, and those of the worker's native part. */
const KNOWN: readonly (readonly [RegExp, Trouble])[] = [
  [/ENOTFOUND|EAI_AGAIN/, { found: 'Its name cannot be resolved.', advice: CHECK_ADDRESS }],
  [/ECONNREFUSED/, { found: 'Nothing listens there.', advice: CHECK_ADDRESS }],
  [/EHOSTUNREACH|ENETUNREACH/, { found: 'There is no way to it in the network.', advice: CHECK_ADDRESS }],
  [/UNABLE_TO_(GET_ISSUER|VERIFY)|SELF_SIGNED|UnknownIssuer|unable to get local issuer/i, MISSING_CA],
  [/ALTNAME_INVALID|NotValidForName/, WRONG_NAME],
  [/^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)|InvalidCertificate\((Expired|NotValidYet)/, SERVER_EXPIRED],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|InvalidContentType|before secure TLS/i, NO_TLS],
  [/ALERT|AlertReceived|CertificateRequired/i, REFUSES_US],
];

/** Diagnoses a failed connection by another one through Node: gRPC reports only that the server did not answer. */
export async function connectionTrouble(settings: TemporalSettings, failed: unknown): Promise<Trouble | null> {
  const options = settings.connectionOptions.reveal();
  const seen = await look(settings);
  if (seen === null) return troubleIn(failed) ?? saidBy(failed);
  const ended = certificateEnd(options);
  if (seen.refuses && ended !== undefined && ended < Date.now()) {
    const found = `The certificate of this client ended at ${new Date(ended).toISOString()}.`;
    return { found, advice: 'Renew it, in the file that TEMPORAL_TLS_CLIENT_CERT_PATH or the profile names.' };
  }
  return seen.trouble;
}

async function look(settings: TemporalSettings): Promise<{ trouble: Trouble; refuses: boolean } | null> {
  try {
    const trouble = settings.tls ? await lookWithTls(settings) : await lookWithout(settings);
    return trouble === null ? null : { trouble, refuses: trouble === REFUSES_US };
  } catch (error) {
    const trouble = troubleIn(error);
    return trouble === null ? null : { trouble, refuses: trouble === REFUSES_US };
  }
}

async function lookWithTls({ address, connectionOptions }: TemporalSettings): Promise<Trouble | null> {
  const { host, port } = hostAndPort(address);
  const given = tlsOf(connectionOptions.reveal());
  const pem = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes));
  const name = given?.serverNameOverride ?? (isIP(host) === 0 ? host : undefined);
  const socket = connectTls({
    host,
    port,
    ca: pem(given?.serverRootCACertificate),
    cert: pem(given?.clientCertPair?.crt),
    key: pem(given?.clientCertPair?.key),
    ALPNProtocols: ['h2'],
    ...(name === undefined ? {} : { servername: name }),
  });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(LOOK_MS) });
    const more = await firstOf(socket);
    return more === 'closed' ? REFUSES_US : null;
  } finally {
    socket.on('error', () => undefined).destroy();
  }
}

async function lookWithout({ address }: TemporalSettings): Promise<Trouble | null> {
  const socket = connectTcp(hostAndPort(address));
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(LOOK_MS) });
    socket.write(PREFACE);
    const more = await firstOf(socket);
    return more instanceof Buffer ? anotherServer(more) : more === 'closed' ? WANTS_TLS : null;
  } finally {
    socket.on('error', () => undefined).destroy();
  }
}

/** Null for a gRPC server, which answers with HTTP/2 settings. */
function anotherServer(answer: Buffer): Trouble | null {
  if (answer[0] === TLS_ALERT) return WANTS_TLS;
  const text = answer.toString('latin1');
  if (text.startsWith('HTTP/1.'))
    return /HTTPS (port|server)|TLS|SSL/.test(text.slice(0, 1_000)) ? WANTS_TLS : HTTP_SERVER;
  if (answer[3] === HTTP2_SETTINGS) return null;
  const beginning = visibleText((text.split('\n', 1)[0] ?? '').trim().slice(0, SHOWN));
  return { found: `Another kind of server listens there; it begins with "${beginning}".`, advice: CHECK_ADDRESS };
}

/** The peer's first event: bytes, a close, or null after a timeout. Rejects with the connection's error. */
async function firstOf(socket: Socket): Promise<Buffer | 'closed' | null> {
  return await new Promise((resolve, reject) => {
    setTimeout(resolve, REFUSAL_MS, null);
    socket.once('error', reject);
    socket.once('end', () => resolve('closed'));
    socket.once('data', resolve);
  });
}

function troubleIn(error: unknown): Trouble | null {
  const texts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) {
    texts.push(`${(at as NodeJS.ErrnoException).code ?? ''} ${at.message}`.trim());
    if (at instanceof AggregateError) texts.push(...at.errors.map(String));
  }
  return KNOWN.find(([pattern]) => texts.some((text) => pattern.test(text)))?.[1] ?? null;
}

/** The worker's native part reports the cause in its error; gRPC for Node does not. */
function saidBy(error: unknown): Trouble | null {
  if (!(error instanceof Error) || error.name !== 'TransportError') return null;
  return { found: `The connection says: ${shortText(error.message, LONGEST_SAID)}.`, advice: CHECK_ADDRESS };
}

function hostAndPort(address: string): { host: string; port: number } {
  const { hostname, port } = new URL(`http://${address.replace(/^\w+:\/\//, '')}`);
  // URL omits port 80.
  const given = /:(\d+)$/.exec(address)?.[1];
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || given || DEFAULT_PORT) };
}

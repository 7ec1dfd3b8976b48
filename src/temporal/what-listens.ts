import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { visibleText } from '../contract/text.js';

/** For each of the two looks, in milliseconds: whoever listens there answers at once, or not at all. */
const LOOK_MS = 1_000;
/** Characters of an answer that are shown: enough to know a server by. */
const SHOWN = 40;
/** The first byte of a TLS alert; the type of the frame with which HTTP/2, and so gRPC, begins. */
const TLS_ALERT = 0x15;
const HTTP2_SETTINGS = 0x04;

/** What stands in the way of nobody, once it is known. Null: nothing was found out. */
export async function whatListens(address: string, tls: boolean): Promise<string | null> {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[|\]$/g, '');
  const port = Number(address.slice(at + 1));
  if (at < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) return null;
  return tls ? await lookWithTls(host, port) : await lookWithout(host, port);
}

async function lookWithTls(host: string, port: number): Promise<string | null> {
  // Only whether TLS is spoken there; whom to trust is not decided here, and nothing is sent.
  const servername = isIP(host) === 0 ? host : undefined;
  const socket = connectTls({ host, port, servername, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  const end = await firstOf(socket, 'secureConnect');
  if (end instanceof Error && /wrong version number|packet length too long|EPROTO/i.test(end.message)) {
    return 'It listens there without TLS, and TLS is on: set TEMPORAL_TLS=false, or take the port that has it.';
  }
  return end instanceof Error ? connectSentence(end) : null;
}

async function lookWithout(host: string, port: number): Promise<string | null> {
  const socket = connectTcp({ host, port });
  // Every kind of server says something to this that tells it from others.
  socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  const end = await firstOf(socket, 'data');
  if (end instanceof Error) return connectSentence(end);
  if (!(end instanceof Uint8Array)) return null;
  const text = Buffer.from(end).toString('latin1');
  if (end[0] === TLS_ALERT || /HTTPS (port|server)|TLS|SSL/.test(text.slice(0, 1_000))) {
    return 'What listens there asks for TLS, and TLS is off: set TEMPORAL_TLS=true.';
  }
  if (text.startsWith('HTTP/1.')) {
    return 'An HTTP server answers there: the address has to be that of Temporal’s gRPC port (7233 by default), not of its UI.';
  }
  if (end[3] === HTTP2_SETTINGS) return null;
  const beginning = visibleText((text.split('\n', 1)[0] ?? '').trim().slice(0, SHOWN));
  return `Another kind of server listens there; it begins with "${beginning}".`;
}

function connectSentence(error: NodeJS.ErrnoException): string | null {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'Nothing listens there.';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'The name of the host is not known to DNS.';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'There is no way to it from here.';
    default:
      return null;
  }
}

/** The first bytes, the error, or nothing within a second. */
async function firstOf(socket: Socket, event: 'data' | 'secureConnect'): Promise<unknown> {
  try {
    return await new Promise<unknown>((resolve) => {
      socket.once(event, (value?: unknown) => resolve(value ?? null));
      socket.once('error', resolve);
      socket.once('close', () => resolve(null));
      setTimeout(resolve, LOOK_MS, null).unref();
    });
  } finally {
    socket.on('error', () => undefined);
    socket.destroy();
  }
}

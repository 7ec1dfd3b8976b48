import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { LOCAL_SERVER_PROBLEMS, LocalServerError } from './local-server-error.js';

/** All servers of this project's local stacks listen only here. */
export const LOOPBACK = '127.0.0.1';

export interface WantedPort {
  /** 0 means any free port. */
  port: number;
  /** The server's name in messages: "the Temporal dev server". */
  purpose: string;
  /** The option that sets the port: "--temporal-port". */
  flag?: string;
}

/**
 * Ports that systems do not assign: below the ephemeral range (from 32768 on Linux, 49152 elsewhere), and below the node ports of
 * Kubernetes (30000).
 */
const OWN_PORTS = { first: 20_000, last: 29_999 };
/** The ephemeral range on Linux: "32768\t60999". */
const EPHEMERAL_RANGE_FILE = '/proc/sys/net/ipv4/ip_local_port_range';
/** Own ports tried before the system assigns one; few are in use. */
const TRIES = 100;

/** Start of the next search, random per process, so that two processes rarely collide. */
let next = randomInt(OWN_PORTS.first, OWN_PORTS.last + 1);

/**
 * A loopback port that is free now: the wanted one, or one outside the ephemeral range that this process has not returned before.
 * It is not reserved, so a caller without a fixed port must be ready to ask again.
 * @throws LocalServerError `port-in-use`, naming the port and the flag
 */
export async function findFreePort(wanted: WantedPort): Promise<number> {
  if (wanted.port === 0 && mayPick(ephemeralRange())) {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const port = next;
      next = port === OWN_PORTS.last ? OWN_PORTS.first : port + 1;
      if (await isPortFree(port)) return port;
    }
  }
  return await probe(wanted.port).catch((error: NodeJS.ErrnoException) => {
    throw portError(wanted, error);
  });
}

/** Whether a server could listen on that loopback port now. */
export async function isPortFree(port: number): Promise<boolean> {
  return await probe(port).then(
    () => true,
    () => false,
  );
}

/** @param ephemeral Linux's range; null: another system, where the range starts above our ports */
export function mayPick(ephemeral: string | null): boolean {
  if (ephemeral === null) return true;
  const [first, last] = ephemeral.trim().split(/\s+/).map(Number);
  if (first === undefined || last === undefined) return false;
  return first > OWN_PORTS.last || last < OWN_PORTS.first;
}

function ephemeralRange(): string | null {
  try {
    return readFileSync(EPHEMERAL_RANGE_FILE, 'utf8');
  } catch {
    return null;
  }
}

/** Listens briefly. @throws the system's error */
function probe(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port: wanted, host: LOOPBACK, exclusive: true }, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : wanted;
      server.close(() => resolve(port));
    });
  });
}

function portError({ port, purpose, flag }: WantedPort, cause: NodeJS.ErrnoException): LocalServerError {
  const reason = cause.code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${cause.code ?? cause.message})`;
  const way = flag ? `choose another with ${flag} (0 = any free one)` : 'choose another (0 = any free one)';
  return new LocalServerError(
    LOCAL_SERVER_PROBLEMS.portInUse,
    `Port ${port} on ${LOOPBACK} ${reason}, so ${purpose} cannot start: stop what listens there, or ${way}.`,
    { cause },
  );
}

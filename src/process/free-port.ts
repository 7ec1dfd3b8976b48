import { createServer } from 'node:net';
import { LOCAL_SERVER_PROBLEMS, LocalServerError } from './local-server-error.js';

/** Everything that this project starts for itself listens here and nowhere else. */
export const LOOPBACK = '127.0.0.1';

export interface WantedPort {
  /** 0 stands for any free port. */
  port: number;
  /** What is going to listen, as a person knows it: "the Temporal dev server". */
  purpose: string;
  /** The flag that chooses the port: "--temporal-port". */
  flag?: string;
}

/**
 * The number of a loopback port that is free now. Nothing holds it until the server listens, so a caller who asked for
 * any port must be ready to ask once more.
 * @throws LocalServerError `port-in-use`, naming the port and the flag
 */
export function findFreePort(wanted: WantedPort): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => reject(portError(wanted, error)));
    probe.listen({ port: wanted.port, host: LOOPBACK, exclusive: true }, () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : wanted.port;
      probe.close(() => resolve(port));
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

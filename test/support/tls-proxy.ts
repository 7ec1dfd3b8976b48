import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import type { CertificateFiles } from './certificates.js';

export interface TlsProxy {
  /** `localhost:port` */
  address: string;
  port: number;
  /** Connections that were accepted, the client's certificate included. */
  accepted: () => number;
  /** From now on clients need a certificate of one of these CAs; files of PEM. */
  trust(...authorities: string[]): void;
  /** Ends every connection there is. */
  cut(): void;
  close(): Promise<void>;
}

/** TLS in front of a server that has none. Without `clientCas` it asks for no certificate. */
export async function startTlsProxy(
  target: string,
  server: CertificateFiles,
  { clientCas = [] }: { clientCas?: readonly string[] } = {},
): Promise<TlsProxy> {
  const [host = '', port = ''] = target.split(':');
  const open = new Set<Socket>();
  let accepted = 0;
  const options = (cas: readonly string[]): TlsOptions => ({
    cert: readFileSync(server.cert),
    key: readFileSync(server.key),
    ...(cas.length === 0 ? {} : { ca: cas.map((file) => readFileSync(file)) }),
  });
  const asks = clientCas.length > 0;
  const proxy = createServer(
    { ...options(clientCas), requestCert: asks, rejectUnauthorized: asks, ALPNProtocols: ['h2'] },
    (socket) => {
      accepted += 1;
      const behind = connect(Number(port), host);
      for (const each of [socket, behind]) {
        open.add(each);
        each.on('error', () => undefined);
        each.on('close', () => {
          open.delete(each);
          socket.destroy();
          behind.destroy();
        });
      }
      socket.pipe(behind).pipe(socket);
    },
  );
  proxy.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const own = (proxy.address() as AddressInfo).port;
  const cut = () => {
    for (const each of open) each.destroy();
  };
  return {
    address: `localhost:${own}`,
    port: own,
    accepted: () => accepted,
    trust: (...authorities) => proxy.setSecureContext(options(authorities)),
    cut,
    close: async () => {
      cut();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

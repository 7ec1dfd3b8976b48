import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';

export interface Certificates {
  /** Path of the authority's certificate. */
  ca: string;
  /** A certificate of that authority for these names, or one that has expired. */
  of(name: string, altNames: string, days?: readonly [from: string, to: string]): { cert: string; key: string };
}

/** An authority of our own, by openssl. */
export function certificates(folder: string): Certificates {
  mkdirSync(folder, { recursive: true });
  const run = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  run('req', '-x509', ...key, '-days', '30', '-subj', '/CN=test authority', '-keyout', 'ca.key', '-out', 'ca.pem');
  const config = [
    '[ca]',
    'default_ca=own',
    '[own]',
    'database=index',
    'new_certs_dir=.',
    'serial=serial',
    'default_md=sha256',
  ];
  writeFileSync(join(folder, 'ca.cnf'), [...config, 'policy=any', '[any]', 'commonName=supplied', ''].join('\n'));
  writeFileSync(join(folder, 'index'), '');
  writeFileSync(join(folder, 'index.attr'), 'unique_subject=no\n');
  writeFileSync(join(folder, 'serial'), '01\n');
  const of = (name: string, altNames: string, [from, to] = ['20200101000000Z', '20990101000000Z'] as const) => {
    writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${altNames}\n`);
    run('req', '-new', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    const signed = ['-in', `${name}.csr`, '-out', `${name}.pem`, '-extfile', `${name}.ext`, '-notext'];
    run(
      'ca',
      '-batch',
      '-config',
      'ca.cnf',
      '-cert',
      'ca.pem',
      '-keyfile',
      'ca.key',
      '-startdate',
      from,
      '-enddate',
      to,
      ...signed,
    );
    return {
      cert: readFileSync(join(folder, `${name}.pem`), 'utf8'),
      key: readFileSync(join(folder, `${name}.key`), 'utf8'),
    };
  };
  return { ca: join(folder, 'ca.pem'), of };
}

/** Speaks TLS before a PostgreSQL that has none: a server that is asked for TLS answers one byte, and goes on encrypted. */
export async function startTlsDatabase(
  targetPort: number,
  certificate: { cert: string; key: string },
): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    sockets.add(near);
    near.on('error', () => undefined);
    near.once('data', () => {
      near.write('S');
      const secure = new TLSSocket(near, { isServer: true, secureContext: createSecureContext(certificate) });
      const far = createConnection({ host: '127.0.0.1', port: targetPort });
      sockets.add(far);
      secure.on('error', () => far.destroy());
      far.on('error', () => secure.destroy());
      secure.pipe(far).pipe(secure);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

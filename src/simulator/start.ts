import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Admin } from './admin.js';
import { ADMIN_PREFIX, handleAdmin } from './admin-server.js';
import { HttpApi } from './http-api.js';
import { serveMedia } from './media-server.js';
import { resolveOptions, type SimulatorOptions } from './options.js';
import { SimulatedAccount } from './simulated-account.js';
import { memoryOnly, openStateFile } from './state-file.js';

export interface Simulator {
  /** `http://host:port`, the endpoint for an SDK (protocol `http://`) and the start of every media URL. */
  url: string;
  port: number;
  admin: Admin;
  /** Closes every connection at once. */
  close(): Promise<void>;
}

/** Longer than any client's keep-alive, so that the client closes idle connections. */
const KEEP_ALIVE_MS = 65_000;

/**
 * Starts a local VOD API. It follows the vendor's documents, and injects faults on request of its admin API.
 *
 * Rejects when an option is invalid, the state file cannot be opened, or the port is in use (`code: 'EADDRINUSE'`).
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const resolved = resolveOptions(options);
  const store = resolved.stateFile === undefined ? memoryOnly : await openStateFile(resolved.stateFile);
  const account = new SimulatedAccount(resolved, store);
  const api = new HttpApi(account);
  const admin = new Admin(account);
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const handled = path.startsWith(ADMIN_PREFIX)
      ? handleAdmin(admin, request, response)
      : path.startsWith('/media/') || path.startsWith('/temporary/')
        ? serveMedia(account, request, response)
        : api.handle(request, response);
    handled.catch((error) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(`The simulator failed: ${String(error)}`);
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  try {
    await listen(server, resolved.host, resolved.port);
  } catch (error) {
    store.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  const url = `http://${reachableHost(resolved.host)}:${port}`;
  account.baseUrl = resolved.publicUrl ?? url;
  return {
    url,
    port,
    admin,
    close: () => close(server).finally(() => store.close()),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Replaces the wildcard address by one that a client can use. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { ConfigurationError } from '../errors.js';
import type { Health } from './health.js';

/** Prometheus text format. Source: its exposition formats, 0.0.4. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface MonitorServer {
  /** `http://host:port` */
  url: string;
  close(): Promise<void>;
}

export interface MonitorParts {
  health: Health;
  /** All metrics in Prometheus text format. */
  metrics: () => Promise<string>;
}

/**
 * - `/healthz`: 200 while this process responds at all; otherwise restart it
 * - `/readyz`: 200 while it accepts work, else 503, with the failing parts
 * - `/metrics`: for Prometheus
 */
export function monitorApp({ health, metrics }: MonitorParts): Hono {
  const app = new Hono();
  app.get('/healthz', (c) => c.json({ alive: true, uptimeSeconds: Math.round(process.uptime()) }));
  app.get('/readyz', async (c) => {
    const readiness = await health.readiness();
    return c.json(readiness, readiness.ready ? 200 : 503);
  });
  app.get('/metrics', async (c) => c.body(await metrics(), 200, { 'content-type': METRICS_TYPE }));
  return app;
}

/** @throws ConfigurationError when the address cannot be bound */
export async function startMonitorServer(
  { port, host }: { port: number; host: string },
  parts: MonitorParts,
): Promise<MonitorServer> {
  const server = createAdaptorServer({ fetch: monitorApp(parts).fetch });
  try {
    server.listen({ port, host, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${code ?? 'unknown'})`;
    throw new ConfigurationError([
      `SMART_ERASE_METRICS_PORT: port ${port} on ${host} ${why}: stop what listens there, or choose another port (0: any free one)`,
    ]);
  }
  const { port: given } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${given}`,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  };
}

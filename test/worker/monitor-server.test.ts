import { afterEach, describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/errors.js';
import { Health } from '../../src/worker/health.js';
import { type MonitorServer, monitorApp, startMonitorServer } from '../../src/worker/monitor-server.js';

const metrics = async () => 'one 1\n';
const fails = () => Promise.reject(new Error('postgresql://me:secret@db/x is away'));
const passes = async () => undefined;

const servers: MonitorServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function readyz(health: Health): Promise<{ status: number; body: unknown }> {
  const response = await monitorApp({ health, metrics }).request('/readyz');
  return { status: response.status, body: await response.json() };
}

describe('readiness', () => {
  it('is not there before the worker has started, nor once it drains', async () => {
    const health = new Health();
    expect(await readyz(health)).toEqual({ status: 503, body: { ready: false, checks: { worker: 'starting' } } });
    health.started({ ledger: passes });
    expect(await readyz(health)).toEqual({ status: 200, body: { ready: true, checks: { ledger: 'ok' } } });
    health.drain();
    expect(await readyz(health)).toEqual({ status: 503, body: { ready: false, checks: { worker: 'draining' } } });
  });

  it('names every part that fails, and quotes none of them', async () => {
    const health = new Health();
    health.started({ temporal: passes, ledger: fails });
    const { status, body } = await readyz(health);
    expect({ status, body }).toEqual({
      status: 503,
      body: { ready: false, checks: { temporal: 'ok', ledger: 'failing' } },
    });
    expect(JSON.stringify(body)).not.toContain('secret');
  });

  it('takes a part that hangs for one that fails', { timeout: 30_000 }, async () => {
    const health = new Health();
    health.started({ ledger: () => new Promise(() => undefined) });
    expect(await readyz(health)).toMatchObject({ status: 503, body: { checks: { ledger: 'failing' } } });
  });

  it('asks once for all who ask at the same time', async () => {
    let asked = 0;
    const health = new Health();
    health.started({ ledger: async () => (asked += 1) });
    await Promise.all([health.readiness(), health.readiness(), health.readiness()]);
    expect(asked).toBe(1);
  });
});

describe('the monitor’s port', () => {
  it('serves health and metrics to whom it is bound, and closes with connections open', async () => {
    const server = await startMonitorServer({ port: 0, host: '127.0.0.1' }, { health: new Health(), metrics });
    const response = await fetch(`${server.url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toBe('one 1\n');
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${server.url}/other`)).status).toBe(404);
    await server.close();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    await server.close();
  });

  it('that is taken is told in one sentence', async () => {
    const first = await startMonitorServer({ port: 0, host: '127.0.0.1' }, { health: new Health(), metrics });
    servers.push(first);
    const port = Number(new URL(first.url).port);
    const second = startMonitorServer({ port, host: '127.0.0.1' }, { health: new Health(), metrics });
    await expect(second).rejects.toThrow(ConfigurationError);
    await expect(second).rejects.toMatchObject({
      problems: [
        `SMART_ERASE_METRICS_PORT: port ${port} on 127.0.0.1 is in use: stop what listens there, or choose another port (0: any free one)`,
      ],
    });
  });
});

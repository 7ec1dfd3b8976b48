import { describe, expect, it } from 'vitest';
import { describeSettings } from '../../src/config/describe-settings.js';
import { loadSettings } from '../../src/config/settings.js';
import type { ConfigurationError } from '../../src/errors.js';

const BASE = { TEMPORAL_CONFIG_FILE: '/dev/null', DATABASE_URL: 'postgresql://127.0.0.1/erase' };
const problemsOf = (env: NodeJS.ProcessEnv): readonly string[] => {
  try {
    loadSettings({ ...BASE, ...env });
  } catch (error) {
    return (error as ConfigurationError).problems;
  }
  return [];
};

describe('settings of the monitor', () => {
  it('listen nowhere and trace nothing unless asked to', () => {
    expect(loadSettings(BASE).monitor).toEqual({ port: undefined, host: '127.0.0.1', otlpEndpoint: undefined });
  });

  it('take any port, and 0 for any free one', () => {
    for (const port of [0, 9464, 65_535]) {
      expect(loadSettings({ ...BASE, SMART_ERASE_METRICS_PORT: String(port) }).monitor.port).toBe(port);
    }
  });

  it.each(['-1', '65536', '9464x', '94 64', '1.5'])('refuse the port %j', (SMART_ERASE_METRICS_PORT) => {
    expect(problemsOf({ SMART_ERASE_METRICS_PORT })).toEqual([
      'SMART_ERASE_METRICS_PORT must be a port from 1 to 65535, or 0 for any free one',
    ]);
  });

  it.each(['collector:4318', 'grpc://collector:4317', 'collector'])('refuse the endpoint %j', (endpoint) => {
    expect(problemsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })).toEqual([
      'OTEL_EXPORTER_OTLP_ENDPOINT must be an http(s) URL, like http://collector:4318',
    ]);
  });

  it('show no password that stands in an endpoint', () => {
    const settings = loadSettings({ ...BASE, OTEL_EXPORTER_OTLP_ENDPOINT: 'https://me:hidden@collector:4318' });
    expect(JSON.stringify(describeSettings(settings))).not.toContain('hidden');
    expect(describeSettings(settings).OTEL_EXPORTER_OTLP_ENDPOINT).toBe('collector:4318');
  });
});

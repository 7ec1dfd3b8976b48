import { z } from 'zod';

/** Monitoring endpoints of a running worker. */
export interface MonitorSettings {
  /** Port of `/metrics`, `/healthz` and `/readyz`; undefined: none. 0: any free port. */
  port: number | undefined;
  host: string;
  /** OTLP endpoint over HTTP, for traces; undefined: no traces. */
  otlpEndpoint: string | undefined;
}

const LARGEST_PORT = 65_535;

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol);
}

export const MONITOR_VARIABLES = z.object({
  /** Off by default, so that a laptop opens no port unasked. The container sets 9464. */
  SMART_ERASE_METRICS_PORT: z
    .string()
    .refine(
      (text) => /^\d{1,5}$/.test(text) && Number(text) <= LARGEST_PORT,
      `must be a port from 1 to ${LARGEST_PORT}, or 0 for any free one`,
    )
    .transform(Number)
    .optional(),
  /** Interface to listen on. The responses contain no secrets, and need no password. */
  SMART_ERASE_METRICS_HOST: z.string().default('127.0.0.1'),
  /** OpenTelemetry's own variable: traces go to `<endpoint>/v1/traces`. Off unless set. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .string()
    .refine(isHttpUrl, 'must be an http(s) URL, like http://collector:4318')
    .optional(),
});

export function monitorSettings(value: z.infer<typeof MONITOR_VARIABLES>): MonitorSettings {
  return {
    port: value.SMART_ERASE_METRICS_PORT,
    host: value.SMART_ERASE_METRICS_HOST,
    otlpEndpoint: value.OTEL_EXPORTER_OTLP_ENDPOINT,
  };
}

/** By environment variable. */
export function describeMonitorSettings({ port, host, otlpEndpoint }: MonitorSettings): Record<string, string> {
  return {
    SMART_ERASE_METRICS_PORT: port === undefined ? 'not set (off)' : String(port),
    SMART_ERASE_METRICS_HOST: host,
    // The host only, since a URL may contain a password.
    OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint === undefined ? 'not set (off)' : new URL(otlpEndpoint).host,
  };
}

/** OpenTelemetry traces. Loaded on demand: `await import('./worker/tracing.js')`. */
import { createRequire } from 'node:module';
import * as otel from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryActivityOutboundInterceptor,
} from '@temporalio/interceptors-opentelemetry';
import type { ActivityInterceptorsFactory, Logger, WorkerOptions } from '@temporalio/worker';
import { type CallObserver, requestIdOf } from '../metrics/instrument-vod.js';
import { VodError } from '../tencent-vod/vod-error.js';

/** Default service name where OTEL_SERVICE_NAME is not set. */
const SERVICE_NAME = 'vod-smart-erase';

/** Makes spans in workflow code; tools/build.mjs bundles it into `workflow-bundle-traced.js`. */
const WORKFLOW_MODULE = '@temporalio/interceptors-opentelemetry/lib/workflow-interceptors';

export interface Tracing {
  activityInterceptors: ActivityInterceptorsFactory;
  /** For workflow code bundled at start. */
  workflowModule: string;
  /** Receive spans from workflow code; only the traced bundle sends them. */
  sinks: NonNullable<WorkerOptions['sinks']>;
  /** Makes a span around each vendor call, with the RequestId. */
  observeCalls: CallObserver;
  /** Trace headers of a vendor call: W3C's, and the vendor's own. */
  headers: () => Record<string, string>;
  /** Flushes the remaining spans. */
  close(): Promise<void>;
}

/** @param endpoint OTLP over HTTP; spans go to `<endpoint>/v1/traces` */
export function startTracing(endpoint: string, identity: string, logger: Logger): Tracing {
  // Without this logger, export failures would be silent.
  const told = (tell: 'warn' | 'error') => (message: string) => logger[tell](`Traces: ${message}`);
  const quiet = () => undefined;
  const diag = { error: told('error'), warn: told('warn'), info: quiet, debug: quiet, verbose: quiet };
  otel.diag.setLogger(diag, { logLevel: otel.DiagLogLevel.WARN, suppressOverrideMessage: true });
  const resource = new Resource({
    // An empty variable, as compose files and CI set it, means "not set".
    'service.name': process.env.OTEL_SERVICE_NAME || SERVICE_NAME,
    'service.instance.id': identity,
  });
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` });
  const processor = new BatchSpanProcessor(exporter);
  const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
  // The SDK's interceptors use OpenTelemetry's process-wide context manager and propagator.
  provider.register({ contextManager: new AsyncLocalStorageContextManager() });
  const tracer = provider.getTracer(SERVICE_NAME);
  return {
    activityInterceptors: (context) => ({
      inbound: new OpenTelemetryActivityInboundInterceptor(context),
      outbound: new OpenTelemetryActivityOutboundInterceptor(context),
    }),
    workflowModule: createRequire(import.meta.url).resolve(WORKFLOW_MODULE),
    sinks: { exporter: makeWorkflowExporter(processor, resource) },
    observeCalls: (action, call) =>
      tracer.startActiveSpan(`vod ${action}`, { kind: otel.SpanKind.CLIENT }, async (span) => {
        span.setAttribute('rpc.method', action);
        try {
          const answer = await call();
          setRequestId(span, requestIdOf(answer));
          return answer;
        } catch (error) {
          if (error instanceof VodError) {
            setRequestId(span, error.requestId);
            span.setAttributes({ 'error.type': error.code, 'vod.error_class': error.class });
          }
          span.setStatus({ code: otel.SpanStatusCode.ERROR });
          throw error;
        } finally {
          span.end();
        }
      }),
    headers: () => {
      const headers: Record<string, string> = {};
      otel.propagation.inject(otel.context.active(), headers);
      const span = otel.trace.getSpanContext(otel.context.active());
      return span === undefined ? headers : { ...headers, 'X-TC-TraceId': span.traceId };
    },
    close: async () => {
      // An unavailable collector must not block the shutdown.
      await provider.shutdown().catch(() => undefined);
    },
  };
}

function setRequestId(span: otel.Span, requestId: string | null): void {
  if (requestId !== null) span.setAttribute('vod.request_id', requestId);
}

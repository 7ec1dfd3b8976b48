import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EraseClient } from '../../src/client.js';
import { EraseStack } from '../support/erase-stack.js';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.js';
import { eventually } from '../support/processes.js';
import { startWatchedWorker, type WatchedWorker } from '../support/worker-process.js';

let stack: EraseStack;
let receiver: OtlpReceiver;
let worker: WatchedWorker;
let vendor: { server: Server; url: string; seen: IncomingHttpHeaders[] };

/** In front of the simulator: remembers the headers of each call. */
async function startDoor(target: string): Promise<typeof vendor> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    const onward = httpRequest(
      `${target}${request.url}`,
      { method: request.method, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  receiver = await startOtlpReceiver();
  stack = await EraseStack.start();
  vendor = await startDoor(stack.simulator.url);
  worker = await startWatchedWorker(stack, {
    VOD_ENDPOINT: vendor.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    // Milliseconds between two exports; 5 s by default.
    OTEL_BSP_SCHEDULE_DELAY: '200',
    // As docker-compose.yml leaves what nobody sets.
    OTEL_SERVICE_NAME: '',
    OTEL_EXPORTER_OTLP_HEADERS: '',
    OTEL_TRACES_SAMPLER: 'parentbased_always_on',
    OTEL_TRACES_SAMPLER_ARG: '',
    SMART_ERASE_LOG_LEVEL: 'info',
  });
});
afterAll(async () => {
  worker?.process.kill('SIGKILL');
  vendor?.server.closeAllConnections();
  vendor?.server.close();
  await stack?.stop();
  await receiver?.close();
});

describe('a trace', () => {
  it('goes from the caller through workflow and activities to the vendor’s call, with its RequestId', {
    timeout: 90_000,
  }, async () => {
    const provider = new BasicTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(new InMemorySpanExporter())],
    });
    provider.register({ contextManager: new AsyncLocalStorageContextManager() });
    const client = await EraseClient.connect({
      connection: stack.temporal.connection,
      namespace: stack.env.TEMPORAL_NAMESPACE,
      interceptors: { workflow: [new OpenTelemetryWorkflowClientInterceptor()] },
    });
    const request = await stack.request();
    const { traceId, result } = await provider
      .getTracer('a service')
      .startActiveSpan('an order', { kind: SpanKind.SERVER }, async (span) => {
        const result = await (await client.start(request)).result();
        span.end();
        return { traceId: span.spanContext().traceId, result };
      });
    trace.disable();

    const wanted = ['RunWorkflow:erase', 'RunActivity:submitErase', 'vod ProcessMediaByMPS', 'RunActivity:fetchResult'];
    const spans = await eventually('the spans', () => {
      const names = receiver.spans.map(({ name }) => name);
      return wanted.every((name) => names.includes(name)) ? receiver.spans : undefined;
    });
    const of = (name: string) => spans.find((span) => span.name === name);
    for (const name of wanted) expect(of(name), name).toMatchObject({ traceId, service: 'vod-smart-erase' });
    // A slow machine misses a slot now and then: then a call was about to leave, and another did.
    const { requestId } = (await stack.ledger.submissions.findByTask(result.taskId)) ?? {};
    expect(requestId).toBeTruthy();
    const call = spans.find(({ attributes }) => attributes['vod.request_id'] === requestId);
    expect(call).toMatchObject({ name: 'vod ProcessMediaByMPS', traceId });
    const parent = spans.find(({ spanId }) => spanId === call?.parentSpanId);
    expect(parent?.name).toBe('RunActivity:submitErase');

    // The vendor can be told which call of a trace is meant.
    const submit = vendor.seen.find((headers) => headers['x-tc-action'] === 'ProcessMediaByMPS');
    expect(submit?.traceparent).toMatch(new RegExp(`^00-${traceId}-${call?.spanId}-`));
    expect(submit?.['x-tc-traceid']).toBe(traceId);
    // And a line of log leads to its trace.
    expect(worker.stderr()).toContain(`"trace_id":"${traceId}"`);
  });

  it('is no part of what a history is replayed by: workers with and without may share a queue', {
    timeout: 90_000,
  }, async () => {
    const replay = (bundle: string, history: unknown, workflowId: string) => {
      const codePath = fileURLToPath(new URL(`../../dist/${bundle}`, import.meta.url));
      return Worker.runReplayHistory({ workflowBundle: { codePath } }, history, workflowId);
    };
    const handle = await stack.client.start(await stack.request());
    await handle.result();
    const traced = await stack.temporal.workflow.getHandle(handle.workflowId).fetchHistory();
    expect(JSON.stringify(traced)).toContain('_tracer-data');
    await replay('workflow-bundle.js', traced, handle.workflowId);
    const stored = new URL('../histories/erase/', import.meta.url);
    for (const name of [
      'succeeded.json',
      'held-then-retried.json',
      'approved-then-published.json',
      'cancelled-in-review.json',
    ]) {
      const history = JSON.parse(readFileSync(new URL(name, stored), 'utf8')) as unknown;
      await replay('workflow-bundle-traced.js', history, 'erase/replayed');
    }
  });
});

describe('without an endpoint', () => {
  it('nothing of OpenTelemetry is loaded by worker or client', () => {
    const load = (module: string, pattern: RegExp) =>
      execFileSync(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `await import(${JSON.stringify(module)}); const { createRequire } = await import('node:module');
           const loaded = Object.keys(createRequire(${JSON.stringify(module)}).cache);
           console.log(loaded.filter((path) => ${pattern}.test(path)).length, loaded.length > 10);`,
        ],
        { encoding: 'utf8', cwd: fileURLToPath(new URL('../..', import.meta.url)) },
      ).trim();
    // prom-client knows OpenTelemetry's bare interface; what costs is the rest.
    const heavy = /@opentelemetry.(sdk|exporter|otlp|context)|interceptors-opentelemetry/;
    expect(load(new URL('../../dist/worker.js', import.meta.url).href, heavy)).toBe('0 true');
    expect(load(new URL('../../dist/client.js', import.meta.url).href, /opentelemetry|prom-client/)).toBe('0 true');
  });
});

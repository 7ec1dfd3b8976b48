import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ConfigurationError,
  EraseClient,
  EraseNotFoundError,
  type EraseRequest,
  InvalidRequestError,
  RequestConflictError,
  UnavailableError,
} from '../../src/client.js';
import { createTestNamespace, sharedTemporal } from '../support/temporal.js';

const RECIPE = { name: 'subtitles' };
let nextFile = 5_285_000_000_000_000_000n;
let namespace: string;
let connection: Connection;
let temporal: Client;
let client: EraseClient;

beforeAll(async () => {
  namespace = await createTestNamespace('client');
  connection = await Connection.connect({ address: sharedTemporal().address });
  temporal = new Client({ connection, namespace });
  client = await EraseClient.connect({ connection, namespace });
});
afterAll(() => connection.close());

function request(fields: Partial<EraseRequest> = {}): EraseRequest {
  nextFile += 1n;
  return { fileId: String(nextFile), subAppId: 1_500_000_001, recipe: RECIPE, ...fields };
}

async function runsOf(workflowId: string): Promise<number> {
  // Visibility is late; the history is not: a second run would be the latest.
  const { runId } = await temporal.workflow.getHandle(workflowId).describe();
  const { events } = await temporal.workflow.getHandle(workflowId, runId).fetchHistory();
  return events?.[0]?.workflowExecutionStartedEventAttributes?.firstExecutionRunId === runId ? 1 : 2;
}

describe('starting an erase, with no worker anywhere', () => {
  it('starts the workflow that the contract names', async () => {
    const asked = request({ requestedBy: 'order *17* _x_ # not a heading', publish: { name: 'new' } });
    const handle = await client.start(asked);
    expect(handle.started).toBe(true);
    expect(handle.workflowId).toMatch(new RegExp(`^erase/1500000001/${asked.fileId}/[0-9a-f]{32}$`));
    const description = await temporal.workflow.getHandle(handle.workflowId).describe();
    expect(description).toMatchObject({ type: 'erase', taskQueue: 'smart-erase', runId: handle.runId });
    expect(description.memo?.eraseRequest).toEqual({ ...asked, deadlineHours: 24 });
    expect(await description.staticSummary()).toBe(`subtitles on ${asked.fileId}`);
    const details = (await description.staticDetails()) ?? '';
    expect(details).toContain(asked.fileId);
    // A caller's words stay words: nothing that Markdown would render.
    expect(details).toContain('order \\*17\\* \\_x\\_ \\# not a heading');
  });

  it('gives the run that exists when the same is asked again, and says so', async () => {
    const asked = request({ requestedBy: 'ann' });
    const first = await client.start(asked);
    const again = await client.start({ ...asked, requestedBy: 'bob', recipe: { name: 'subtitles' } });
    expect([first.started, again.started]).toEqual([true, false]);
    expect(again.runId).toBe(first.runId);
    expect(await runsOf(first.workflowId)).toBe(1);
  });

  it('starts one run when many ask at once', async () => {
    const asked = request();
    const handles = await Promise.all(Array.from({ length: 12 }, () => client.start(asked)));
    expect(new Set(handles.map(({ runId }) => runId)).size).toBe(1);
    expect(handles.filter(({ started }) => started)).toHaveLength(1);
  });

  it('refuses the same id for a different request, and names what differs', async () => {
    const asked = request({ key: `order-${nextFile}`, publish: { name: 'one' } });
    const handle = await client.start(asked);
    expect(handle.workflowId).toBe(`erase/key/${asked.key}`);
    const other = client.start({ ...asked, publish: { name: 'two' }, recipe: { name: 'logo' } });
    await expect(other).rejects.toBeInstanceOf(RequestConflictError);
    await expect(other).rejects.toMatchObject({
      class: 'conflict',
      workflowId: handle.workflowId,
      difference: ['publish.name', 'recipe.name'],
    });
  });

  it('compares with a run that was started as plain JSON, by its input', async () => {
    const asked = request({ key: `plain-${nextFile}` });
    const workflowId = `erase/key/${asked.key}`;
    await temporal.workflow.start('erase', { workflowId, taskQueue: 'smart-erase', args: [asked] });
    expect((await client.start(asked)).started).toBe(false);
    await expect(client.start({ ...asked, deadlineHours: 12 })).rejects.toMatchObject({
      difference: ['deadlineHours'],
    });
  });

  it('refuses an id that another workflow has, or that holds what is no request', async () => {
    const asked = request({ key: `taken-${nextFile}` });
    const workflowId = `erase/key/${asked.key}`;
    const foreign = await temporal.workflow.start('somethingElse', { workflowId, taskQueue: 'smart-erase', args: [] });
    await expect(client.start(asked)).rejects.toThrow('the workflow type (it is somethingElse)');
    await foreign.terminate();
    await temporal.workflow.start('erase', { workflowId, taskQueue: 'smart-erase', args: ['nonsense'] });
    await expect(client.start(asked)).rejects.toBeInstanceOf(RequestConflictError);
  });

  it('starts anew after a run that failed', async () => {
    const asked = request();
    const first = await client.start(asked);
    await temporal.workflow.getHandle(first.workflowId).terminate('by a test');
    const second = await client.start(asked);
    expect(second.started).toBe(true);
    expect(second.runId).not.toBe(first.runId);
  });

  it('sends nothing that is not valid, and tells every problem', async () => {
    const wrong = { fileId: 12, subAppId: 'x', recipe: { name: 'subtitels' }, key: 'never-sent', extra: 1 };
    const failed = client.start(wrong as unknown as EraseRequest);
    await expect(failed).rejects.toBeInstanceOf(InvalidRequestError);
    const { problems } = (await failed.catch((error: unknown) => error)) as InvalidRequestError;
    for (const word of ['fileId', 'subAppId', 'subtitles', 'extra']) expect(problems.join('\n')).toContain(word);
    await expect(client.getHandle({ key: 'never-sent' }).status()).rejects.toBeInstanceOf(EraseNotFoundError);
  });

  it('sends nothing that no store keeps, and says where it stands', async () => {
    const key = `nul-${nextFile}`;
    const fields: [Partial<EraseRequest>, string][] = [
      [{ reason: 'a\0' }, 'reason holds the character NUL.'],
      [{ publish: { description: '\ud83d' } }, 'publish.description holds half of a character (a lone surrogate).'],
    ];
    for (const [more, problem] of fields) {
      await expect(client.start(request({ key, ...more }))).rejects.toMatchObject({ problems: [problem] });
    }
    await expect(client.getHandle({ key }).status()).rejects.toBeInstanceOf(EraseNotFoundError);
  });

  it('sends nothing that is too large, and says so at once', async () => {
    const params = {
      AiAnalysisTask: { Definition: 25, ExtendedParameter: { delogo: { output_patten: 'x'.repeat(3_000_000) } } },
    };
    const asked = request({ key: `large-${nextFile}`, recipe: { name: 'raw', params } });
    await expect(client.start(asked)).rejects.toBeInstanceOf(InvalidRequestError);
    await expect(client.getHandle({ key: asked.key ?? '' }).status()).rejects.toBeInstanceOf(EraseNotFoundError);
  });
});

describe('connecting', () => {
  it('says in a sentence that nobody listens', async () => {
    const failed = EraseClient.connect({ address: '127.0.0.1:1', env: {}, connectTimeoutMs: 500 });
    await expect(failed).rejects.toBeInstanceOf(UnavailableError);
    await expect(failed).rejects.toThrow('Temporal cannot be reached at 127.0.0.1:1.');
  });

  it('says in a sentence that the address makes no sense', async () => {
    const failed = EraseClient.connect({ address: 'no such:place:at all', env: {}, connectTimeoutMs: 500 });
    await expect(failed).rejects.toBeInstanceOf(ConfigurationError);
  });

  it('says which namespace is missing', async () => {
    const other = await EraseClient.connect({ connection, namespace: 'no-such-namespace' });
    await expect(other.start(request())).rejects.toThrow('has no namespace "no-such-namespace"');
    await expect(other.start(request())).rejects.toBeInstanceOf(ConfigurationError);
  });

  it('leaves a connection that it was given open, and closes its own', async () => {
    const given = await EraseClient.connect({ connection, namespace });
    await given.close();
    expect((await client.start(request())).started).toBe(true);
    const own = await EraseClient.connect({ address: sharedTemporal().address, namespace, env: {} });
    await own.close();
    await expect(own.getHandle('any').status()).rejects.toThrow();
  });
});

it('loads neither the worker nor the SDK of the vendor nor the ledger', async () => {
  const built = fileURLToPath(new URL('../../dist/client.js', import.meta.url));
  const script = `
    import { createRequire } from 'node:module';
    await import(${JSON.stringify(built)});
    console.log(JSON.stringify(Object.keys(createRequire(import.meta.url).cache)));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    maxBuffer: 10_000_000,
  });
  const files = JSON.parse(stdout) as string[];
  expect(files.some((file) => file.includes('@temporalio/client'))).toBe(true);
  expect(
    files.filter((file) => /@temporalio\/(worker|core-bridge|workflow)|tencentcloud|node_modules\/pg\//.test(file)),
  ).toEqual([]);
});

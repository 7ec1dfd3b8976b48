import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ActivityDependencies } from '../../src/activities/dependencies.js';
import { createMainActivities, createSubmitActivities } from '../../src/activities/index.js';
import { recipeHash } from '../../src/contract/identity.js';
import { LedgerError } from '../../src/ledger/db/ledger-error.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import { openRateLimitDatabase } from '../../src/ledger/db/rate-limit-database.js';
import type { Ledger } from '../../src/ledger/index.js';
import { openLedger } from '../../src/ledger/index.js';
import { RateLimiter } from '../../src/rate-limit/index.js';
import { createVodClient, type VodClient } from '../../src/tencent-vod/vod-client.js';
import { createWebhookSender } from '../../src/webhook/sender.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { refuse, respond, type ScriptedServer, startScriptedServer } from '../support/scripted-server.js';
import { submissionRecord } from '../support/submissions.js';

const REQUEST = { fileId: '5285485487985271487', subAppId: 1500000001, recipe: { name: 'subtitles' } };
const TASK = '1500000001-ProcessMediaByMPS-0123456789abcdef';

let database: TestDatabase;
let server: ScriptedServer;
let vod: VodClient;
let ledger: Ledger;
let slots: ReturnType<typeof openRateLimitDatabase>;

beforeAll(async () => {
  [database, server] = await Promise.all([createTestDatabase('activities'), startScriptedServer()]);
  await migrateLedger(database.url);
  ledger = openLedger(database.url);
  slots = openRateLimitDatabase(database.url);
  vod = createVodClient({ endpoint: server.url, credentials: { secretId: 'AKIDx', secretKey: 'y' } });
});
beforeEach(() => server.script(respond({ TaskId: TASK })));
afterAll(async () => {
  vod.close();
  await Promise.all([ledger.close(), slots.close()]);
  await Promise.all([database.drop(), server.close()]);
});

function dependencies(other: Partial<ActivityDependencies> = {}): ActivityDependencies {
  return {
    vod,
    ledger,
    webhooks: createWebhookSender({ secrets: new Map(), allowHttp: false, networks: [] }),
    registeredSearchAttributes: async () => [],
    estimateUsd: async () => 0,
    limiter: new RateLimiter(slots, { name: 'submit', callsPerSecond: 20 }),
    connectForSubmit: async () => null,
    timings: { settleMs: 60_000, throttledTooLongMs: 1_800_000, pollFirstMs: 200, pollMaxMs: 500 },
    ...other,
  };
}

/** The real ledger, which takes answers in its own way. */
function accepting(accepted: Ledger['submissions']['accepted']): Ledger {
  const submissions: Ledger['submissions'] = Object.create(ledger.submissions, { accepted: { value: accepted } });
  return { ...ledger, submissions };
}

const environment = () =>
  new MockActivityEnvironment({ attempt: 1, workflowExecution: { workflowId: 'erase/1', runId: 'run-1' } });

describe('a submit that never left', () => {
  it('is no submit in doubt: the books say so, and it may go at once', async () => {
    // The real ledger, unavailable at the last check before the call.
    const findOpen = () => Promise.reject(new LedgerError('unavailable', 'gone for a moment'));
    const away: Ledger = { ...ledger, breakers: { ...ledger.breakers, findOpen } };
    const input = { request: REQUEST, resubmitAfterTaskId: null, operatorRetry: null };
    const first = createSubmitActivities(dependencies({ ledger: away }));
    await expect(environment().run(first.submitErase, input)).rejects.toMatchObject({ type: 'unavailable' });
    expect(server.calls).toEqual([]);
    const identity = { ...REQUEST, recipeHash: recipeHash(REQUEST.recipe), payToken: '' };
    expect(await ledger.submissions.findLatest(identity)).toMatchObject({
      state: 'refused',
      error: { code: 'NeverSent' },
    });

    const second = createSubmitActivities(dependencies());
    expect(await environment().run(second.submitErase, input)).toMatchObject({ kind: 'running', taskId: TASK });
    expect(server.calls.map((c) => c.action)).toEqual(['ProcessMediaByMPS']);
  });
});

describe('a hold that is written after its breaker was closed', () => {
  const request = { ...REQUEST, fileId: '5285485487985271490' };
  const input = { request, resubmitAfterTaskId: null, operatorRetry: null };
  const closeAll = async () => {
    for (const breaker of await ledger.breakers.list())
      await ledger.breakers.close(breaker, { by: 'ann', reason: 'paid' });
  };

  it('is none: nobody would resume it, so the submit is tried again', async () => {
    server.script(refuse('FailedOperation.UserStatusInavlid', 'in arrears'));
    // The operator resumes, and so closes the breaker, just before the hold is written.
    const closed: Ledger = {
      ...ledger,
      holds: {
        ...ledger.holds,
        record: async (hold) => {
          await closeAll();
          return await ledger.holds.record(hold);
        },
      },
    };
    const first = createSubmitActivities(dependencies({ ledger: closed }));
    await expect(environment().run(first.submitErase, input)).rejects.toMatchObject({
      nonRetryable: false,
      details: [expect.objectContaining({ code: 'BreakerClosed' })],
    });
    expect(await ledger.holds.list()).toEqual([]);

    server.script(respond({ TaskId: `${TASK}3` }));
    const again = createSubmitActivities(dependencies());
    expect(await environment().run(again.submitErase, input)).toMatchObject({ kind: 'running', taskId: `${TASK}3` });
    expect(await ledger.breakers.list()).toEqual([]);
  });

  it('stays while the breaker does', async () => {
    const other = { ...REQUEST, fileId: '5285485487985271491' };
    server.script(refuse('FailedOperation.UserStatusInavlid', 'in arrears'));
    const { submitErase } = createSubmitActivities(dependencies());
    expect(await environment().run(submitErase, { ...input, request: other })).toMatchObject({ kind: 'held' });
    expect(await ledger.holds.list()).toMatchObject([{ fileId: other.fileId }]);
    await ledger.holds.end({ workflowId: 'erase/1', runId: 'run-1' }, { as: 'resolved', by: null, reason: null });
    await closeAll();
    server.script(respond({ TaskId: `${TASK}4` }));
    await environment().run(submitErase, { ...input, request: other });
  });
});

describe('an answer that was heard and could not be written', () => {
  it('is written by the next attempt, without a look at the vendor', async () => {
    const request = { ...REQUEST, fileId: '5285485487985271488' };
    const task = `${TASK}2`;
    server.script(respond({ TaskId: task }));
    const before = server.calls.length;
    const full = accepting(() => Promise.reject(new LedgerError('unexpected', 'the disk is full')));
    const input = { request, resubmitAfterTaskId: null, operatorRetry: null };
    const first = environment();
    const heartbeats: unknown[] = [];
    first.on('heartbeat', (details: unknown) => heartbeats.push(details));
    const { submitErase } = createSubmitActivities(dependencies({ ledger: full }));
    await expect(first.run(submitErase, input)).rejects.toMatchObject({ nonRetryable: false });

    const second = new MockActivityEnvironment({
      attempt: 2,
      workflowExecution: { workflowId: 'erase/1', runId: 'run-1' },
      heartbeatDetails: JSON.parse(JSON.stringify(heartbeats.at(-1))),
    });
    expect(await second.run(createSubmitActivities(dependencies()).submitErase, input)).toMatchObject({
      kind: 'running',
      taskId: task,
      adopted: false,
    });
    expect(server.calls.slice(before).map((c) => c.action)).toEqual(['ProcessMediaByMPS']);
  });
});

describe('an answer that was heard', () => {
  const submitWith = async (
    fileId: string,
    task: string,
    { onHeartbeat = () => {}, ...others }: Partial<ActivityDependencies> & { onHeartbeat?: () => void },
  ) => {
    server.script(respond({ TaskId: task }));
    const run = environment();
    const heartbeats: unknown[] = [];
    run.on('heartbeat', (details: unknown) => {
      heartbeats.push(details);
      onHeartbeat();
    });
    const input = { request: { ...REQUEST, fileId }, resubmitAfterTaskId: null, operatorRetry: null };
    const submitted = await run.run(createSubmitActivities(dependencies(others)).submitErase, input);
    expect(submitted).toMatchObject({ kind: 'running', taskId: task });
    return heartbeats;
  };

  it('costs no heartbeat when the books have it at once', async () => {
    // At once, even on a loaded machine.
    const quick = accepting(async () => submissionRecord({ taskId: `${TASK}5` }));
    expect(await submitWith('5285485487985271492', `${TASK}5`, { ledger: quick })).toEqual([]);
  });

  it('is kept by the Temporal server while they take their time', async () => {
    let onHeartbeat = () => {};
    const kept = new Promise<void>((resolve) => {
      onHeartbeat = resolve;
    });
    const slow = accepting(async (...args) => {
      await kept;
      return await ledger.submissions.accepted(...args);
    });
    const heartbeats = await submitWith('5285485487985271493', `${TASK}6`, { ledger: slow, onHeartbeat });
    expect(heartbeats).toEqual([{ heard: expect.objectContaining({ taskId: `${TASK}6` }) }]);
  });
});

describe('a result that cannot be read', () => {
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
  const fetched = (submittedHoursAgo: number) =>
    environment().run(createMainActivities(dependencies()).fetchResult, {
      subAppId: REQUEST.subAppId,
      taskId: TASK,
      sourceFileId: REQUEST.fileId,
      makesVideo: true,
      submittedAt: hoursAgo(submittedHoursAgo),
      deadlineAt: hoursAgo(submittedHoursAgo - 24),
    });

  it('is asked for again while the vendor may still know it', async () => {
    server.script(refuse('UnauthorizedOperation'));
    await expect(fetched(60)).rejects.toMatchObject({ type: 'account', nonRetryable: false });
  });

  it('ends the erase once the vendor has forgotten it, whatever it answers', async () => {
    server.script(refuse('UnauthorizedOperation'));
    await expect(fetched(73)).rejects.toMatchObject({
      type: 'expired',
      nonRetryable: true,
      details: [{ class: 'expired', code: 'UnauthorizedOperation', taskId: TASK, moneySpent: true }],
    });
  });
});

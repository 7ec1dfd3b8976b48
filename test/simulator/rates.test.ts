import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type Call, type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/index.js';
import { SlidingWindow } from '../../src/simulator/sliding-window.js';
import { refusalCode, SUB_APP_ID, submitErase, vodClient } from '../support/simulator.js';

/** The most of these times that fall into any second. */
function mostInOneSecond(times: readonly number[]): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length));
}

describe('the sliding window', () => {
  const arrivals = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 300 });

  it('never lets more than its limit into any second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 25 }), arrivals, (limit, gaps) => {
        const window = new SlidingWindow(limit);
        let now = 1_700_000_000_000;
        const admitted: number[] = [];
        for (const gap of gaps) {
          now += gap;
          if (window.admit(now)) admitted.push(now);
        }
        expect(mostInOneSecond(admitted)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it('refuses only when the second that ends now is full, whatever was refused before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 25 }), arrivals, (limit, gaps) => {
        const window = new SlidingWindow(limit);
        let now = 1_700_000_000_000;
        const admitted: number[] = [];
        for (const gap of gaps) {
          now += gap;
          const recent = admitted.filter((at) => at > now - 1000).length;
          expect(window.admit(now)).toBe(recent < limit);
          if (recent < limit) admitted.push(now);
        }
      }),
    );
  });
});

const running: Simulator[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((simulator) => simulator.close()));
});
async function start(options: SimulatorOptions) {
  const simulator = await startSimulator({ taskDurationMs: 0, ...options });
  running.push(simulator);
  return simulator;
}

/** Each call of the log was let in exactly when the second that it ended was not full yet, however fast they came. */
function expectLimit(calls: readonly Call[], limit: number): void {
  const admitted: number[] = [];
  for (const { at, outcome } of calls) {
    const full = admitted.filter((time) => time > at - 1000).length >= limit;
    expect(outcome).toBe(full ? 'RequestLimitExceeded' : 'ok');
    if (!full) admitted.push(at);
  }
  expect(mostInOneSecond(admitted)).toBeLessThanOrEqual(limit);
}

describe('the rate at the door', () => {
  it('is 20 submits in any second; the refused ones start nothing and are not counted', async () => {
    const simulator = await start({});
    const client = vodClient(simulator.url);
    await Promise.allSettled(Array.from({ length: 60 }, () => submitErase(client)));
    const calls = simulator.admin.calls();
    expect(calls).toHaveLength(60);
    expectLimit(calls, 20);
    expect(simulator.admin.tasks()).toHaveLength(calls.filter(({ outcome }) => outcome === 'ok').length);
    for (const { outcome, taskId } of calls) expect(taskId === null).toBe(outcome !== 'ok');
  });

  it('is counted for each API by itself', async () => {
    const simulator = await start({ readsPerSecond: 2 });
    const client = vodClient(simulator.url);
    await Promise.allSettled([
      ...Array.from({ length: 6 }, () => client.DescribeTasks({ SubAppId: SUB_APP_ID })),
      ...Array.from({ length: 6 }, () => client.SearchMedia({ SubAppId: SUB_APP_ID })),
    ]);
    for (const name of ['DescribeTasks', 'SearchMedia'])
      expectLimit(
        simulator.admin.calls().filter(({ action }) => action === name),
        2,
      );
  });

  it('is one for the whole account, whoever of it calls', async () => {
    const credentials = ['AKIDone', 'AKIDtwo'].map((secretId) => ({ secretId, secretKey: 'key' }));
    const simulator = await start({ credentials, submitsPerSecond: 4 });
    const clients = credentials.map((credential) => vodClient(simulator.url, credential));
    await Promise.allSettled(clients.flatMap((client) => Array.from({ length: 4 }, () => submitErase(client))));
    const details = simulator.admin.callDetails();
    expect(new Set(details.map(({ secretId }) => secretId))).toEqual(new Set(['AKIDone', 'AKIDtwo']));
    expectLimit(details, 4);
  });

  it('can be lifted', async () => {
    const simulator = await start({ submitsPerSecond: 0 });
    const client = vodClient(simulator.url);
    await Promise.all(Array.from({ length: 60 }, () => submitErase(client)));
    expect(simulator.admin.tasks()).toHaveLength(60);
  });

  it('counts a request when it arrives, after the time that it was under way', async () => {
    const simulator = await start({ requestDelayMs: { minMs: 50, maxMs: 150 } });
    const sentAt = Date.now();
    await submitErase(vodClient(simulator.url));
    expect(simulator.admin.calls()[0]?.at).toBeGreaterThanOrEqual(sentAt + 49);
  });

  it('counts a request before the time that its answer takes', async () => {
    const simulator = await start({ answerDelayMs: { minMs: 100, maxMs: 150 } });
    await submitErase(vodClient(simulator.url));
    const answeredAt = Date.now();
    expect(simulator.admin.calls()[0]?.at).toBeLessThanOrEqual(answeredAt - 99);
  });

  it.each(['requestDelayMs', 'answerDelayMs'])('does not start with a %s that is no range', async (name) => {
    for (const wrong of [-1, { minMs: 2, maxMs: 1 }, { minMs: 0, maxMs: Number.POSITIVE_INFINITY }])
      await expect(start({ [name]: wrong })).rejects.toThrow(name);
  });

  it('is not spent by what never got in', async () => {
    const simulator = await start({ submitsPerSecond: 1 });
    simulator.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'drop-before', times: 2 });
    simulator.admin.addFault({ action: 'ProcessMediaByMPS', kind: 'error', code: 'RequestLimitExceeded' });
    const client = vodClient(simulator.url);
    for (let at = 0; at < 3; at++) await expect(submitErase(client)).rejects.toThrow();
    expect(await refusalCode(submitErase(vodClient(simulator.url, { secretKey: 'wrong' })))).toMatch(/^AuthFailure/);
    await expect(submitErase(client)).resolves.toBeDefined();
  });
});

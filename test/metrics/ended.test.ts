import { afterAll, beforeAll, expect, it } from 'vitest';
import { EraseStack } from '../support/erase-stack.js';
import { eventually } from '../support/processes.js';

const BY = { by: 'test', reason: 'a test' };

let stack: EraseStack;
let metricsUrl: string;

beforeAll(async () => {
  stack = await EraseStack.start();
  const worker = await stack.startWorker({ SMART_ERASE_METRICS_PORT: '0' });
  metricsUrl = `${worker.monitorUrl}/metrics`;
});
afterAll(() => stack.stop());

/** Runs that ended, by outcome and class; what is 0 is left out. */
async function ends(): Promise<Record<string, number>> {
  const text = await (await fetch(metricsUrl)).text();
  const series = text.matchAll(/^smart_erase_erases_ended_total\{outcome="(\w+)",class="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries(
    [...series].flatMap(([, outcome, errorClass, count]) =>
      count === '0' ? [] : [[`${outcome} ${errorClass}`, Number(count)]],
    ),
  );
}

it('counts how runs ended, each once, by outcome and class', async () => {
  expect(await ends()).toEqual({});
  const request = await stack.request();
  const first = await stack.client.start(request);
  await first.result();
  const again = await stack.client.start({ ...request, key: 'again' });
  expect(await again.result()).toMatchObject({ reused: true });

  const unknown = await stack.client.start({ ...(await stack.request()), fileId: '5285485487985270000' });
  await expect(unknown.result()).rejects.toMatchObject({ class: 'input' });

  const reviewed = await stack.client.start(await stack.request({ review: { timeoutHours: 1 } }));
  await eventually('a review', async () => ((await reviewed.status()).phase === 'review' ? true : undefined));
  await reviewed.reject(BY);
  await expect(reviewed.result()).rejects.toMatchObject({ class: 'rejected' });

  const cancelled = await stack.client.start(await stack.request({ review: { timeoutHours: 1 } }));
  await eventually('a review', async () => ((await cancelled.status()).phase === 'review' ? true : undefined));
  await cancelled.cancel('a test');
  await expect(cancelled.result()).rejects.toMatchObject({ class: 'cancelled' });

  const all = {
    'succeeded none': 1,
    'reused none': 1,
    'failed input': 1,
    'failed rejected': 1,
    'cancelled none': 1,
  };
  // What workflow code tells arrives with the end of its turn, a moment after the result.
  await eventually('all ends to be counted', async () =>
    Object.keys(await ends()).length === Object.keys(all).length ? true : undefined,
  );
  expect(await ends()).toEqual(all);
});

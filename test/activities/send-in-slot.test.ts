import { CancelledFailure } from '@temporalio/common';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BreakerChecks, type LastCheck } from '../../src/activities/erase/steps/breaker-check.js';
import { OpenAhead } from '../../src/activities/erase/steps/open-ahead.js';
import { type Sending, sendInSlot } from '../../src/activities/erase/steps/send-in-slot.js';
import { migrateLedger } from '../../src/ledger/db/migrate.js';
import type { Breaker } from '../../src/ledger/holds/breaker.js';
import { RateLimiter, type Refusals, SlotMissedError } from '../../src/rate-limit/index.js';
import { vodError } from '../../src/tencent-vod/classify.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

/** The real limiter on a real PostgreSQL; what is called is a function. */
const SUBMISSION = { eraseId: '1', number: 1, attempt: 1 };
const ACTION = 'ProcessMediaByMPS';

let database: TestDatabase;
let pool: pg.Pool;
let limiter: RateLimiter;
let postponed: Date[];

beforeAll(async () => {
  database = await createTestDatabase('send_in_slot');
  await migrateLedger(database.url);
  pool = new pg.Pool({ connectionString: database.url, max: 2 });
});
beforeEach(async () => {
  await pool.query(`update rate_limit_slot set counted_by = '-infinity', taken = 0, owner = null`);
  limiter = new RateLimiter(pool, { name: 'submit', callsPerSecond: 20 });
  postponed = [];
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const acquire = () => limiter.acquire({ priority: 'live' });
const ledger = {
  reschedule: async (_: unknown, scheduledAt: Date) => {
    postponed.push(scheduledAt);
  },
};

const looks = (by: string | null): LastCheck<string> => ({ check: async () => by, isStale: () => false });

async function send(call: Sending<string, string>['call'], other: Partial<Sending<string, string>> = {}) {
  return await sendInSlot<string, string>(ledger, SUBMISSION, await acquire(), {
    cancel: new AbortController().signal,
    acquire,
    opening: new OpenAhead(async () => null),
    lastLook: looks(null),
    onRefused: () => {},
    ...other,
    call,
  });
}

/** Of the slots that were taken: whether each is free within its second, or leased for eight. */
async function slots(): Promise<{ taken: string; isLeased: boolean }[]> {
  const { rows } = await pool.query(
    `select taken, counted_by > clock_timestamp() as "isLeased" from rate_limit_slot where taken > 0 order by id`,
  );
  return rows;
}

/** A release that is not awaited. */
const released = async () => {
  while ((await slots()).some(({ isLeased }) => isLeased)) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe('a call in a slot', () => {
  it('gives it back by its answer', async () => {
    const sent = await send(async ({ leaving }) => {
      leaving();
      return 'task';
    });
    expect(sent).toEqual({ kind: 'answered', answer: 'task' });
    await released();
    expect(postponed).toEqual([]);
  });

  it('keeps it when there is no answer: nobody knows when the vendor counts the call', async () => {
    const call: Sending<string, string>['call'] = async ({ leaving }) => {
      leaving();
      throw vodError({ action: ACTION, code: 'timeout' });
    };
    await expect(send(call)).rejects.toMatchObject({ code: 'timeout' });
    expect(await slots()).toEqual([{ taken: '1', isLeased: true }]);
  });

  it('tells of refusals for the rate, over all processes', async () => {
    const told: Refusals[] = [];
    const refused: Sending<string, string>['call'] = async ({ leaving }) => {
      leaving();
      throw vodError({ action: ACTION, code: 'RequestLimitExceeded', requestId: 'r-1' });
    };
    for (let at = 0; at < 2; at += 1) {
      await expect(send(refused, { onRefused: (each) => told.push(each) })).rejects.toMatchObject({
        class: 'throttled',
      });
    }
    expect(told.map(({ inRow }) => inRow)).toEqual([1, 2]);
    await released();
  });

  it('gives it back unused when a last look stops it, and when it is cancelled', async () => {
    const never = async () => {
      throw new Error('it was called');
    };
    expect(await send(never, { lastLook: looks('a breaker') })).toEqual({ kind: 'stopped', by: 'a breaker' });
    await released();
    const cancelled = AbortSignal.abort();
    await expect(send(never, { cancel: cancelled })).rejects.toBeInstanceOf(CancelledFailure);
    await released();
  });

  it('takes another one when its process stood still, and says when it leaves now', async () => {
    let calls = 0;
    const sent = await send(async ({ leaving }) => {
      calls += 1;
      // Nothing else runs in this process for longer than a slot may be late.
      if (calls === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_100);
      leaving();
      return 'task';
    });
    expect(sent).toMatchObject({ answer: 'task' });
    expect(calls).toBe(2);
    expect(postponed).toHaveLength(1);
    await released();
  });

  it('gives the activity back after five missed slots, and keeps none of them', async () => {
    let calls = 0;
    const missed: Sending<string, string>['call'] = async () => {
      calls += 1;
      throw new SlotMissedError('missed');
    };
    await expect(send(missed)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('missed 5 slots'),
    });
    expect(calls).toBe(5);
    expect(postponed).toHaveLength(4);
    await released();
  });

  it('whose signature was too old is signed again once, in a slot of its own', async () => {
    let calls = 0;
    const tooOld: Sending<string, string>['call'] = async ({ leaving }) => {
      leaving();
      calls += 1;
      throw vodError({ action: ACTION, code: 'AuthFailure.SignatureExpire', requestId: 'r-1' });
    };
    await expect(send(tooOld)).rejects.toMatchObject({ code: 'AuthFailure.SignatureExpire' });
    expect(calls).toBe(2);
    const uses = await slots();
    expect(uses.reduce((sum, { taken }) => sum + Number(taken), 0)).toBe(2);
    expect(uses).toHaveLength(2);
  });
});

describe('a refusal that this process has read', () => {
  const breaker = { scope: 'account' } as Breaker;

  it('stops a call that has had its last look, before the breaker is written', async () => {
    let open: Breaker | null = null;
    let write: (() => void) | undefined;
    const breakers = new BreakerChecks({ findOpen: async () => open });
    const lastLook = breakers.lastLook(1);
    let isLooked: (() => void) | undefined;
    const looked = new Promise<void>((resolve) => {
      isLooked = resolve;
    });
    const sent = sendInSlot<string, Breaker>(ledger, SUBMISSION, await acquire(), {
      cancel: new AbortController().signal,
      acquire,
      // Opened after the check, and before the call.
      opening: new OpenAhead(async () => {
        isLooked?.();
        return null;
      }),
      lastLook,
      onRefused: () => {},
      call: async () => {
        throw new Error('it was called');
      },
    });
    await looked;
    const writing = breakers.opening(
      new Promise<void>((resolve) => {
        write = resolve;
      }),
    );
    expect(lastLook.isStale()).toBe(true);
    open = breaker;
    write?.();
    await writing;
    expect(await sent).toEqual({ kind: 'stopped', by: breaker });
  });

  it('lets a call go after one more look when its breaker is of another scope, or could not be written', async () => {
    let asked = 0;
    const breakers = new BreakerChecks({
      findOpen: async () => {
        asked += 1;
        // Read while the first check was in flight: that one may not have seen it.
        if (asked === 1) await breakers.opening(Promise.reject(new Error('no database'))).catch(() => undefined);
        return null;
      },
    });
    const sent = await sendInSlot<string, Breaker>(ledger, SUBMISSION, await acquire(), {
      cancel: new AbortController().signal,
      acquire,
      opening: new OpenAhead(async () => null),
      lastLook: breakers.lastLook(1),
      onRefused: () => {},
      call: async ({ leaving }) => {
        leaving();
        return 'task';
      },
    });
    expect(sent).toEqual({ kind: 'answered', answer: 'task' });
    expect(asked).toBe(2);
  });
});

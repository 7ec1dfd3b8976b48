import { describe, expect, it } from 'vitest';
import { type Breaker, PROBE_LEASE_MS, passBreakers, scopesOf } from '../../src/ledger/breaker.js';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const MINE = { eraseId: '7', number: 1 };
const OTHER = { eraseId: '8', number: 1 };

const open = (fields: Partial<Breaker> = {}): Breaker => ({
  scope: 'account',
  state: 'open',
  class: 'account',
  code: 'FailedOperation.UserStatusInavlid',
  message: 'frozen',
  requestId: 'r-1',
  openedAt: new Date(NOW),
  workflowId: 'erase/1',
  probe: null,
  probeAt: null,
  ...fields,
});
const probing = (fields: Partial<Breaker> = {}): Breaker =>
  open({ state: 'probing', probe: OTHER, probeAt: new Date(NOW), ...fields });

describe('breakers', () => {
  it('cover a submit by account and by sub-application', () => {
    expect(scopesOf(1500000001)).toEqual(['account', 'sub-app/1500000001']);
  });

  it('let everything pass while they are closed', () => {
    expect(passBreakers([], MINE, false, NOW)).toEqual({ kind: 'pass' });
  });

  it('block what nobody gave leave, while one is open', () => {
    expect(passBreakers([open()], MINE, false, NOW)).toMatchObject({ kind: 'blocked', breaker: { scope: 'account' } });
    const both = [probing(), open({ scope: 'sub-app/1500000001' })];
    expect(passBreakers(both, MINE, false, NOW)).toMatchObject({
      kind: 'blocked',
      breaker: { scope: 'sub-app/1500000001' },
    });
  });

  it('let one with an operator’s leave probe', () => {
    const both = [open(), open({ scope: 'sub-app/1500000001' })];
    expect(passBreakers(both, MINE, true, NOW)).toEqual({ kind: 'probe', scopes: ['account', 'sub-app/1500000001'] });
  });

  it('let the others wait while a probe is out, with leave or without', () => {
    expect(passBreakers([probing()], MINE, true, NOW)).toMatchObject({ kind: 'wait' });
    expect(passBreakers([probing()], MINE, false, NOW)).toMatchObject({ kind: 'wait' });
    const mixed = [open(), probing({ scope: 'sub-app/1500000001' })];
    expect(passBreakers(mixed, MINE, true, NOW)).toMatchObject({ kind: 'wait' });
  });

  it('let the probe itself be sent again', () => {
    expect(passBreakers([probing({ probe: MINE })], MINE, false, NOW)).toEqual({ kind: 'probe', scopes: ['account'] });
  });

  it('take another probe when the last one told nothing for too long', () => {
    const silent = [probing({ probeAt: new Date(NOW - PROBE_LEASE_MS - 1) })];
    expect(passBreakers(silent, MINE, false, NOW)).toEqual({ kind: 'probe', scopes: ['account'] });
    const stillOut = [probing({ probeAt: new Date(NOW - PROBE_LEASE_MS) })];
    expect(passBreakers(stillOut, MINE, false, NOW)).toMatchObject({ kind: 'wait' });
  });
});

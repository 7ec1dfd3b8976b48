import { DOCUMENTED_RATE } from '../contract/vendor-limits.js';
/** The vendor's documented rates, and our share of them. */

/** Every action except the paid one, whose rate the rate limiter enforces across all processes. */
export type PacedAction = keyof typeof DOCUMENTED_RATE;

export const SUBMIT_ACTION = 'ProcessMediaByMPS';

export type VodAction = PacedAction | typeof SUBMIT_ACTION;

/** Share of a rate that one process uses; the rest is for consoles, scripts and other programs of the account. Ours. */
const SHARE = 0.8;

export function paceOf(action: PacedAction): number {
  return Math.floor(DOCUMENTED_RATE[action] * SHARE);
}

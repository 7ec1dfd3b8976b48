import type { Ledger } from '../ledger/ledger.js';
import { paceIntervalMs } from '../ledger/pace.js';
import { SlidingWindow } from '../vod/sliding-window.js';
import type { SubmitConnection } from '../vod/vod-api.js';
import { LastLook } from './last-look.js';
import { LatencySpread } from './latency-spread.js';
import { PlaceLateness } from './place-lateness.js';
import { SubmitLanes } from './submit-lanes.js';

/** One process's part in the pace. */
export interface SubmitPace {
  /** The last look before a submit leaves this process. */
  window: SlidingWindow;
  spread: LatencySpread;
  lateness: PlaceLateness;
  lanes: SubmitLanes;
  lastLook: LastLook;
  /** Opens a connection for one submit; null when none can be had, and the call itself will tell why. Throws a VodError when nobody answers. */
  connect: () => Promise<SubmitConnection | null>;
}

/**
 * How much longer than the vendor's the process's own window is, in milliseconds: calls that left a window apart may come
 * a little closer together on the way. Below the slack of the pace (`ALLOWANCE_MS`), so that it stops only what is late.
 */
const WINDOW_MORE_MS = 15;

/**
 * In one process alone the window is strict by itself: it counts a call from the moment at which it was written to its
 * connection, and lets none go before the one a budget earlier is a window old. Whole calls, for budgets below one a
 * second too.
 */
export function createSubmitPace(
  ledger: Pick<Ledger, 'laneOpensInMs'>,
  submitsPerSecond: number,
  {
    spread = new LatencySpread(),
    lateness = new PlaceLateness(submitsPerSecond),
    connect = async () => null,
  }: Partial<Pick<SubmitPace, 'spread' | 'lateness' | 'connect'>> = {},
): SubmitPace {
  const limit = Math.max(1, Math.floor(submitsPerSecond));
  const windowMs = (limit / submitsPerSecond) * (1_000 + WINDOW_MORE_MS);
  const lanes = new SubmitLanes(ledger, paceIntervalMs(submitsPerSecond));
  return { window: new SlidingWindow({ limit, windowMs }), spread, lateness, lanes, lastLook: new LastLook(), connect };
}

/** Waits of the product that are shortened together with the tasks; the defaults of src/config/environment.ts, in seconds. */
const DEFAULTS = {
  VOD_POLL_FIRST_SECONDS: 60,
  VOD_POLL_MAX_SECONDS: 600,
  VOD_WATCH_INTERVAL_SECONDS: 5,
} as const;
const REQUEST_TIMEOUT_SECONDS = 20;
const SETTLE_SECONDS = 60;
/** No wait is made shorter than this, in seconds: below it, one would measure the machine. */
const SHORTEST_SECONDS = 0.5;
/** What the settle time must be above: twice the request's timeout, and this. */
const SETTLE_BEYOND_SECONDS = 6;

/** Settings of the worker for tasks that last `scale` times as long as real ones; none at all for 1. */
export function scaledSettings(scale: number): Record<string, string> {
  if (scale === 1) return {};
  const request = Math.max(1, Math.round(REQUEST_TIMEOUT_SECONDS * scale));
  const settle = Math.max(2 * request + SETTLE_BEYOND_SECONDS, SETTLE_SECONDS * scale);
  const waits = Object.entries(DEFAULTS).map(([name, value]) => [
    name,
    String(Math.max(SHORTEST_SECONDS, value * scale)),
  ]);
  return {
    ...Object.fromEntries(waits),
    VOD_REQUEST_TIMEOUT_SECONDS: String(request),
    VOD_SETTLE_SECONDS: String(settle),
  };
}

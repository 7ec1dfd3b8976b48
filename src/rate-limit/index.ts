export type { Clock } from './moment.js';
export { type AcquireOptions, type Database, RateLimiter } from './rate-limiter.js';
export { type Answer, type Refusals, type Slot, SlotMissedError } from './slot.js';
export { type Budget, LEAVES_WITHIN_MS, type Priority } from './statements.js';
export { CREATE_TABLES } from './tables.js';

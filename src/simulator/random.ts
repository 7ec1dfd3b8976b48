import { createHash, randomBytes } from 'node:crypto';
import type { Range } from './options.js';

/** A pseudo-random number in [0, 1), determined by the seed and the label. */
export function fraction(seed: number, label: string): number {
  return createHash('sha256').update(`${seed}/${label}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** A time within the range, determined by the seed and the label. */
export function pick(value: number | Range, seed: number, label: string): number {
  if (typeof value === 'number') return value;
  return Math.round(value.minMs + (value.maxMs - value.minMs) * fraction(seed, label));
}

/** Not seeded: two simulators, or one after a restart, must never assign the same id twice. */
export function newFileId(): string {
  const digits = randomBytes(8).readBigUInt64BE().toString().padStart(20, '0');
  return `5285${digits.slice(-15)}`;
}

export function newTaskId(subAppId: number, kind: string): string {
  return `${subAppId}-${kind}-${randomBytes(16).toString('hex')}`;
}

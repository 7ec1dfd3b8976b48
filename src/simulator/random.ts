import { createHash, randomBytes } from 'node:crypto';
import type { Range } from './options.js';

/** A number in [0, 1) that depends on nothing but the seed and the label. */
export function fraction(seed: number, label: string): number {
  return createHash('sha256').update(`${seed}/${label}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** A time within the range, the same for the same seed and label. */
export function pick(value: number | Range, seed: number, label: string): number {
  if (typeof value === 'number') return value;
  return Math.round(value.minMs + (value.maxMs - value.minMs) * fraction(seed, label));
}

/** Not from the seed: two simulators, or one after its restart, must never give the same id twice. */
export function newFileId(): string {
  const digits = randomBytes(8).readBigUInt64BE().toString().padStart(20, '0');
  return `5285${digits.slice(-15)}`;
}

export function newTaskId(subAppId: number, kind: string): string {
  return `${subAppId}-${kind}-${randomBytes(16).toString('hex')}`;
}

import { InvalidArgumentError } from 'commander';
import { parseDay, parseTime } from '../contract/calendar.js';

const MS_OF: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function wholeNumber(text: string): number | undefined {
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

/** A port; 0 means any free one. */
export function port(text: string): number {
  const value = wholeNumber(text);
  if (value === undefined || value > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return value;
}

export function positiveInteger(text: string): number {
  const value = wholeNumber(text);
  if (value === undefined || value === 0) throw new InvalidArgumentError('It has to be a whole number above 0.');
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0) || !Number.isFinite(value)) {
    throw new InvalidArgumentError('It has to be a number above 0.');
  }
  return value;
}

export function nonNegativeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0) || !Number.isFinite(value)) {
    throw new InvalidArgumentError('It has to be a number, 0 or more.');
  }
  return value;
}

function milliseconds(text: string): number {
  const [, amount = '', unit = 'ms'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const scale = MS_OF[unit];
  if (amount === '' || scale === undefined) {
    throw new InvalidArgumentError('A time is a number with ms, s, m or h: 500ms, 2s, 10m. Without a unit: ms.');
  }
  return Number(amount) * scale;
}

/** `2s`, or `500`: milliseconds. */
export function duration(text: string): number {
  return milliseconds(text);
}

/** `2s`, or from-to: `1s-5s`. */
export function durationRange(text: string): number | { minMs: number; maxMs: number } {
  const [from = '', to] = text.split('-');
  if (to === undefined) return milliseconds(from);
  const range = { minMs: milliseconds(from), maxMs: milliseconds(to) };
  if (range.maxMs < range.minMs) throw new InvalidArgumentError('A range goes from small to large: 1s-5s.');
  return range;
}

/** ISO 8601: a date, at midnight UTC, or a time with its zone. */
export function time(text: string): Date {
  const value = parseDay(text) ?? parseTime(text);
  if (value !== null) return value;
  throw new InvalidArgumentError(
    'A time is a day of the calendar, in UTC, like 2026-05-01, or one with its zone, like 2026-05-01T12:00:00Z.',
  );
}

/** A Temporal run id. */
export function runId(text: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text;
  throw new InvalidArgumentError(
    'A run id is like 01890a5d-ac96-774b-bcce-b302099a8057; `smart-erase status` tells it.',
  );
}

/** For repeatable options. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

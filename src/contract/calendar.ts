/** Parses dates and times written by people. A date that the calendar does not have is refused, not converted to another. */

const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIME = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z|[+-](\d{2}):(\d{2}))$/;

/** Midnight UTC of a date, `2026-05-01`; null where there is no such date. */
export function parseDay(text: string): Date | null {
  if (!DAY.test(text)) return null;
  const date = new Date(`${text}T00:00:00Z`);
  // Date reads 30 February as 2 March.
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text) ? date : null;
}

/** A time with Z or an offset, `2026-05-01T12:00:00Z`; null where it is invalid. Seconds are optional. */
export function parseTime(text: string): Date | null {
  const [, day = '', hours, minutes, seconds, zoneHours, zoneMinutes] = TIME.exec(text) ?? [];
  if (parseDay(day) === null) return null;
  // Date reads 24:00 as the next day.
  if (above(hours, 23) || above(minutes, 59) || above(seconds, 59) || above(zoneHours, 23) || above(zoneMinutes, 59)) {
    return null;
  }
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
}

function above(part: string | undefined, most: number): boolean {
  return part !== undefined && Number(part) > most;
}

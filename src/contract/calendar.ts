/** Reading days and times that people write. A day that the calendar does not have is none, and no other day stands in for it. */

const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIME = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z|[+-](\d{2}):(\d{2}))$/;

/** A day, `2026-05-01`, as its first moment in UTC; null where there is no such day. */
export function parseDay(text: string): Date | null {
  if (!DAY.test(text)) return null;
  const date = new Date(`${text}T00:00:00Z`);
  // Date takes 30 February for 2 March.
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text) ? date : null;
}

/** A time with Z or an offset, `2026-05-01T12:00:00Z`; null where there is none such. Seconds may be left out. */
export function parseTime(text: string): Date | null {
  const [, day = '', hours, minutes, seconds, zoneHours, zoneMinutes] = TIME.exec(text) ?? [];
  if (parseDay(day) === null) return null;
  // Date takes 24:00 for the next day.
  if (above(hours, 23) || above(minutes, 59) || above(seconds, 59) || above(zoneHours, 23) || above(zoneMinutes, 59)) {
    return null;
  }
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date;
}

function above(part: string | undefined, most: number): boolean {
  return part !== undefined && Number(part) > most;
}

/** The vendor's value for "never". Source: ModifyMediaInfo, ExpireTime. */
export const NEVER = '9999-12-31T23:59:59Z';

const ROUND = { up: Math.ceil, down: Math.floor, nearest: Math.round } as const;

/**
 * A time in the vendor's form: UTC, whole seconds, `Z`. Accepts any ISO 8601 time with a zone, and `never`; other text is passed
 * on for the vendor to refuse.
 */
export function vodTime(time: string, rounding: keyof typeof ROUND): string {
  if (time === 'never') {
    return NEVER;
  }
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? time : `${new Date(ROUND[rounding](ms / 1_000) * 1_000).toISOString().slice(0, 19)}Z`;
}

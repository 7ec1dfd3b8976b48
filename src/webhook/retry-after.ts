/**
 * Parses the header `Retry-After` (RFC 9110, 10.2.3: seconds, or a date) into milliseconds; null when it is missing or invalid.
 */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

/** The longest that the SDK's exporter, in this very process, may take, in milliseconds. */
const DEADLINE_MS = 2_000;

/** What the Temporal SDK counts, as text; empty when it cannot be had: ours must not be lost with it. */
export async function sdkMetrics(url: string | undefined): Promise<string> {
  if (url === undefined) return '';
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
    return response.ok ? await response.text() : '';
  } catch {
    return '';
  }
}

/** Time limit for the SDK's exporter, which runs in this process, in milliseconds. */
const DEADLINE_MS = 2_000;

/** The SDK's metrics as text; empty when unavailable, so that ours are still served. */
export async function sdkMetrics(url: string | undefined): Promise<string> {
  if (url === undefined) return '';
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
    return response.ok ? await response.text() : '';
  } catch {
    return '';
  }
}

/** Largest cover that is carried over, in bytes: the vendor takes it inside a JSON request of at most 10 MB. */
export const MAX_COVER_BYTES = 2 * 1024 * 1024;
const FETCH_TIMEOUT_MS = 20_000;
/** ModifyMediaInfo takes gif, jpeg and png. */
const IMAGE_TYPES = /^image\/(gif|jpeg|png)\b/;

export type Cover = { ok: true; base64: string } | { ok: false; problem: string };

/** Reads the source's cover picture. A problem with it is never a reason to fail a publish. */
export async function fetchCover(url: string, signal: AbortSignal): Promise<Cover> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]) });
    if (!response.ok) return { ok: false, problem: `its URL answered HTTP ${response.status}.` };
    const type = response.headers.get('content-type') ?? 'nothing';
    if (!IMAGE_TYPES.test(type)) return { ok: false, problem: `it is ${type}, not a gif, jpeg or png.` };
    const bytes = Buffer.from(await response.arrayBuffer());
    if (bytes.length > MAX_COVER_BYTES)
      return { ok: false, problem: `it has ${bytes.length} bytes, above ${MAX_COVER_BYTES}.` };
    return { ok: true, base64: bytes.toString('base64') };
  } catch (error) {
    return {
      ok: false,
      problem: `its URL could not be read (${error instanceof Error ? error.message : String(error)}).`,
    };
  }
}

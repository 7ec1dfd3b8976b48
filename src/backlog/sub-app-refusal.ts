import { concernsOneSubApp } from '../tencent-vod/error-codes.js';
import { VodError } from '../tencent-vod/vod-error.js';

/** The problem of a row whose sub-application the vendor refuses; null for every other error. */
export function subAppRefusal(subAppId: number, error: unknown): string | null {
  if (!(error instanceof VodError) || !concernsOneSubApp(error.code)) return null;
  return `sub-application ${subAppId} does not exist, or these keys may not use it (${error.code}).`;
}

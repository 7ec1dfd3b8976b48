/** The international site; the mainland's is `vod.tencentcloudapi.com`. */
export const DEFAULT_VOD_ENDPOINT = 'vod.intl.tencentcloudapi.com';

/**
 * Maximum duration of one call, in seconds. The vendor SDK's timeout restarts with the body, so a stalled body takes twice the
 * setting (seen on the Node SDK).
 */
export function worstRequestSeconds(requestTimeoutSeconds: number): number {
  return 2 * requestTimeoutSeconds;
}

/** What the settle time must leave beyond the worst request, in seconds: clocks and the listing of new tasks. */
export const SETTLE_MARGIN_SECONDS = 5;

/** What the default shutdown grace leaves beyond the worst request, in seconds: to record the response. */
export const SHUTDOWN_MARGIN_SECONDS = 10;

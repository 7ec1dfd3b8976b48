import type { VendorSettings } from '../config/settings.js';
import { createVodClient, type VodClient, type VodClientOptions } from './vod-client.js';

/** The vendor as the settings have it: where it is, with which key, and how long a call may take. */
export function vodClientOf(
  { endpoint, credentials: given, requestTimeoutSeconds }: VendorSettings,
  options: Pick<VodClientOptions, 'headers'> = {},
): VodClient {
  const credentials = given && {
    secretId: given.secretId,
    secretKey: given.secretKey.reveal(),
    token: given.token?.reveal(),
  };
  return createVodClient({ endpoint, credentials, requestTimeoutSeconds, ...options });
}

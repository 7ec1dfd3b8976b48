import type { VendorSettings } from '../config/settings.js';
import { createVodClient, type VodClient, type VodClientOptions } from './vod-client.js';

/** A vendor client from the settings: endpoint, credentials and timeout. */
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

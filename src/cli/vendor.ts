import type { VendorSettings } from '../config/settings.js';
import type { VodClient } from '../vod/vod-client.js';

/** Connects to the vendor for `work`, which only reads, and closes the connections whatever happens. */
export async function withVendor<T>(work: (vod: VodClient, vendor: VendorSettings) => Promise<T>): Promise<T> {
  const { loadSettings } = await import('../config/settings.js');
  const { createVodClient } = await import('../vod/vod-client.js');
  const { vendor } = loadSettings(process.env, { need: ['vendor'] });
  const { endpoint, credentials: given, requestTimeoutSeconds } = vendor;
  const credentials = given && {
    secretId: given.secretId,
    secretKey: given.secretKey.reveal(),
    token: given.token?.reveal(),
  };
  const vod = createVodClient({ endpoint, credentials, requestTimeoutSeconds });
  try {
    return await work(vod, vendor);
  } finally {
    vod.close();
  }
}

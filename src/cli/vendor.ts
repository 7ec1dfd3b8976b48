import type { VendorSettings } from '../config/settings.js';
import type { VodClient } from '../tencent-vod/vod-client.js';

/** Connects to the vendor for `work`, which only reads, and always closes the connections. */
export async function withVendor<T>(work: (vod: VodClient, vendor: VendorSettings) => Promise<T>): Promise<T> {
  const { loadSettings } = await import('../config/settings.js');
  const { vodClientOf } = await import('../tencent-vod/client-of-settings.js');
  const { vendor } = loadSettings(process.env, { need: ['vendor'] });
  const vod = vodClientOf(vendor);
  try {
    return await work(vod, vendor);
  } finally {
    vod.close();
  }
}

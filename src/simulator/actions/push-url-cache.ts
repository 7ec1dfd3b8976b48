import { ApiError, invalidValue } from '../api-error.js';
import type { SimulatedAccount } from '../simulated-account.js';
import type { Action } from './action.js';

/** API document: at most 20 URLs a call and 10,000 a day, of domains that belong to VOD. */
const MAX_URLS = 20;
const MAX_URLS_PER_DAY = 10_000;

const pushedOn = new WeakMap<SimulatedAccount, { day: string; urls: number }>();

export const pushUrlCache: Action = {
  parameters: { Urls: 'strings!', SubAppId: 'integer' },
  rate: 'write',
  run({ account, parameters }) {
    const urls = parameters.Urls as string[];
    if (urls.length === 0 || urls.length > MAX_URLS)
      throw invalidValue('Urls', `it must have from 1 to ${MAX_URLS} of them`);
    for (const url of urls) if (!registered(url, account)) throw invalidValue('Urls', `no domain of VOD serves ${url}`);
    const day = new Date().toISOString().slice(0, 10);
    const pushed = pushedOn.get(account);
    const before = pushed?.day === day ? pushed.urls : 0;
    if (before + urls.length > MAX_URLS_PER_DAY)
      throw new ApiError('LimitExceeded', `More than ${MAX_URLS_PER_DAY} URLs in a day.`);
    pushedOn.set(account, { day, urls: before + urls.length });
    return {};
  },
};

function registered(url: string, account: SimulatedAccount): boolean {
  try {
    return new URL(url).host === new URL(account.baseUrl).host;
  } catch {
    return false;
  }
}

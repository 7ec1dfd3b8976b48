/** The API's host on the international site. Source: ProcessMediaByMPS. */
export const DEFAULT_ENDPOINT = 'vod.intl.tencentcloudapi.com';

export interface Endpoint {
  protocol: 'https://' | 'http://';
  /** Host with port, in the SDK's form. */
  host: string;
}

/** Parses a host or a URL without path, such as `vod.intl.tencentcloudapi.com` or `http://127.0.0.1:9000`. */
export function parseEndpoint(given: string): Endpoint {
  const wrong = (why: string) => new TypeError(`The VOD endpoint ${JSON.stringify(given)} ${why}.`);
  const text = given.includes('://') ? given : `https://${given}`;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw wrong('is neither a host nor a URL');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw wrong('has to be reached by https or http');
  }
  if (url.username !== '' || url.password !== '') {
    throw wrong('must hold no user or password');
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw wrong('must have no path: the API is served at the root');
  }
  return { protocol: `${url.protocol}//`, host: url.host };
}

import { Client, type ClientOptions } from '@temporalio/client';
import { type DataConverter, defaultFailureConverter } from '@temporalio/common';
import { payloadConverter } from '../contract/payload-converter.js';

/**
 * A client that tolerates unreadable values: one memo or result in another encoding must not hide the other runs of a list. The
 * SDK accepts a loaded converter besides a path.
 */
export function clientOf(options: Omit<ClientOptions, 'dataConverter'>): Client {
  const loaded = { payloadConverter, failureConverter: defaultFailureConverter, payloadCodecs: [] };
  return new Client({ ...options, dataConverter: loaded as DataConverter });
}

import { Client, type ClientOptions } from '@temporalio/client';
import { type DataConverter, defaultFailureConverter } from '@temporalio/common';
import { payloadConverter } from '../contract/payload-converter.js';

/**
 * A client that reads whatever a run holds: one memo or result that somebody else wrote in another encoding must not hide all the
 * other runs of a list. The SDK takes a loaded converter as well as the paths of one.
 */
export function clientOf(options: Omit<ClientOptions, 'dataConverter'>): Client {
  const loaded = { payloadConverter, failureConverter: defaultFailureConverter, payloadCodecs: [] };
  return new Client({ ...options, dataConverter: loaded as DataConverter });
}

/**
 * Decodes the payloads of runs; an unreadable one becomes an {@link Unreadable} instead of an error. The build puts it into the
 * workflow bundle (`tools/build.mjs`), and the client uses it for display.
 */
import { defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';
import { Unreadable } from './unreadable.js';

/** The SDK loads it by this name. */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => defaultPayloadConverter.toPayload(value),
  fromPayload<T>(payload: Payload): T {
    try {
      return defaultPayloadConverter.fromPayload<T>(payload);
    } catch (error) {
      return new Unreadable(encodingOf(payload), error instanceof Error ? error.message : String(error)) as T;
    }
  },
};

function encodingOf({ metadata }: Payload): string {
  const bytes = metadata?.encoding;
  return bytes ? String.fromCharCode(...bytes.slice(0, 200)) : '';
}

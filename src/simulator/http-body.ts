import type { IncomingMessage } from 'node:http';

/** Placeholder for a body that was read to its end but discarded. */
export class BodyTooLarge {}

export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | BodyTooLarge> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size <= maxBytes) chunks.push(chunk as Buffer);
  }
  return size > maxBytes ? new BodyTooLarge() : Buffer.concat(chunks);
}

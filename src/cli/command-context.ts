import type { Command } from 'commander';
import type { EraseClient } from '../client.js';
import { FORMATS, type Format, Output } from './output.js';

interface GlobalOptions {
  output: Format;
  color: boolean;
  input: boolean;
}

export function outputOf(command: Command): Output {
  const { output, color, input } = command.optsWithGlobals<GlobalOptions>();
  return new Output({ format: output, color: color && !process.env.NO_COLOR, input });
}

/** Connects a client, runs `work`, and always closes the client. */
export async function withClient<T>(work: (client: EraseClient) => Promise<T>): Promise<T> {
  const { EraseClient } = await import('../client.js');
  const client = await EraseClient.connect();
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

export { FORMATS };

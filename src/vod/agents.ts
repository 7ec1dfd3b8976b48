import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Endpoint } from './endpoint.js';

export interface AgentOptions {
  keepAlive: boolean;
  maxSockets?: number;
}

type Agent = HttpAgent | HttpsAgent;

/**
 * An agent whose connection errors say what happened. A name with several addresses that all fail ends in an
 * AggregateError without text, and the SDK passes on nothing but the text: whether anything was sent could not be told.
 */
export function createAgent(protocol: Endpoint['protocol'], options: AgentOptions): Agent {
  const agent = protocol === 'https://' ? new HttpsAgent(options) : new HttpAgent(options);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (...args: Parameters<typeof connect>) => {
    const socket = connect(...args);
    // Comes before the listeners of the request, which take over the text.
    (socket as Duplex | null | undefined)?.once('error', sayAll);
    return socket;
  };
  return agent;
}

function sayAll(error: Error): void {
  if (!(error instanceof AggregateError) || error.message !== '') return;
  error.message = error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ');
}

import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Endpoint } from './endpoint.js';

export interface AgentOptions {
  keepAlive: boolean;
  maxSockets?: number;
  /** A connection that a call opens by itself is given up after this, in milliseconds: nothing was sent. Default: the call's own time. */
  connectWithinMs?: number;
}

type Agent = HttpAgent | HttpsAgent;

/** The connection that the request made in here shall use. The SDK has no way to hand one over. */
const opened = new AsyncLocalStorage<OpenConnection>();
/** A connection that was opened ahead, for one request. */
export class OpenConnection {
  private constructor(private readonly socket: Socket) {
    // One that breaks while it waits is not used; without a listener it would end the process.
    socket.on('error', () => {});
  }

  /** Resolves when a request can be written to it, TLS included. Rejects with the error of the network. */
  static async open(agent: Agent, { protocol, host }: Endpoint, signal: AbortSignal): Promise<OpenConnection> {
    const { hostname, port } = new URL(`${protocol}${host}`);
    const name = hostname.replace(/^\[|\]$/g, '');
    const secure = protocol === 'https://';
    const options = {
      host: name,
      port: Number(port || (secure ? 443 : 80)),
      ...(isIP(name) ? {} : { servername: name }),
    };
    const socket = agent.createConnection(options) as Socket;
    const connection = new OpenConnection(socket);
    try {
      await once(socket, secure ? 'secureConnect' : 'connect', { signal });
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  /** Makes the request that `work` sends use it. One that broke meanwhile is replaced by one that the request opens. */
  use<T>(work: () => Promise<T>): Promise<T> {
    return opened.run(this, work);
  }

  close(): void {
    this.socket.destroy();
  }

  isOpen(): boolean {
    return !this.taken && !this.socket.destroyed && this.socket.readyState === 'open';
  }

  /** The socket, once; null when it broke, or was used. */
  take(): Socket | null {
    if (!this.isOpen()) return null;
    this.taken = true;
    return this.socket;
  }

  private taken = false;
}

/**
 * An agent whose connection errors have a cause. A name with several failing addresses gives an AggregateError without text, and
 * the SDK passes on only the text: whether anything was sent would be unknown.
 */
export function createAgent(protocol: Endpoint['protocol'], { connectWithinMs, ...options }: AgentOptions): Agent {
  const secure = protocol === 'https://';
  const agent = secure ? new HttpsAgent(options) : new HttpAgent(options);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (...args: Parameters<typeof connect>) => {
    const ready = opened.getStore()?.take();
    if (ready) return ready;
    const socket = connect(...args);
    if (connectWithinMs !== undefined) giveUpAfter(connectWithinMs, socket, secure ? 'secureConnect' : 'connect');
    // Comes before the listeners of the request, which take over the text.
    (socket as Duplex | null | undefined)?.once('error', sayAll);
    return socket;
  };
  return agent;
}

function giveUpAfter(ms: number, socket: Duplex | null | undefined, whenOpen: string): void {
  const timer = setTimeout(() => socket?.destroy(new Error('connect ETIMEDOUT')), ms);
  for (const event of [whenOpen, 'close']) socket?.once(event, () => clearTimeout(timer));
}

function sayAll(error: Error): void {
  if (!(error instanceof AggregateError) || error.message !== '') return;
  error.message = error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ');
}

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
  /** Timeout of a connection that a call opens itself, in milliseconds; nothing was sent by then. Default: the call's timeout. */
  connectWithinMs?: number;
}

type Agent = HttpAgent | HttpsAgent;

/** The connection for the request made in this context, since the SDK accepts none as an argument. */
const opened = new AsyncLocalStorage<OpenConnection>();
/** A connection opened ahead, for one request. */
export class OpenConnection {
  private constructor(private readonly socket: Socket) {
    // A connection that breaks while idle is not used; without a listener, its error would end the process.
    socket.on('error', () => {});
  }

  /** Resolves when a request can be written, TLS included. Rejects with the network error. */
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

  /** The request sent by `work` uses it. If it has broken, the request opens its own. */
  use<T>(work: () => Promise<T>): Promise<T> {
    return opened.run(this, work);
  }

  close(): void {
    this.socket.destroy();
  }

  isOpen(): boolean {
    return !this.taken && !this.socket.destroyed && this.socket.readyState === 'open';
  }

  /** Returns the socket once; null when it is broken or used. */
  take(): Socket | null {
    if (!this.isOpen()) return null;
    this.taken = true;
    return this.socket;
  }

  private taken = false;
}

/**
 * An agent whose connection errors have a cause. A name with several failing addresses gives an AggregateError without text, but
 * the SDK passes on only the text.
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
    // Runs before the request's own listener, which keeps only the message.
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

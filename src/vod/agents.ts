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
}

type Agent = HttpAgent | HttpsAgent;

/** The connection that the request made in here shall use. The SDK has no way to hand one over. */
const opened = new AsyncLocalStorage<OpenConnection>();
/** Told when the request that is made in here was written to a connection that it had to open itself. */
const onOwnWrite = new AsyncLocalStorage<() => void>();

/** Makes the request that `work` sends tell when it was written to the connection that it opens. */
export function tellWhenWritten<T>(work: () => Promise<T>, onWritten: () => void): Promise<T> {
  return onOwnWrite.run(onWritten, work);
}

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

  /**
   * Makes the request that `work` sends use it, if it is still there.
   * @param onWritten called when the request was handed to the system, if it did use it
   */
  use<T>(work: () => Promise<T>, onWritten?: () => void): Promise<T> {
    this.onWritten = onWritten;
    const alone = () => opened.run(this, work);
    // One that broke meanwhile is replaced by one that the request opens.
    return onWritten === undefined ? alone() : tellWhenWritten(alone, onWritten);
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
    if (this.onWritten !== undefined) tellFirstWrite(this.socket, this.onWritten);
    return this.socket;
  }

  private taken = false;
  private onWritten: (() => void) | undefined;
}

/** A socket passes on what it is given before `write` returns; what was collected, before `uncork` does. */
function tellFirstWrite(socket: Socket, tell: () => void): void {
  const { write, uncork } = socket;
  const tellOnce = () => {
    if (socket.bytesWritten === 0) return;
    socket.write = write;
    socket.uncork = uncork;
    tell();
  };
  socket.write = (...args: unknown[]) => {
    const more = Reflect.apply(write, socket, args) as boolean;
    if (socket.writableCorked === 0) tellOnce();
    return more;
  };
  socket.uncork = () => {
    uncork.call(socket);
    tellOnce();
  };
}

/**
 * An agent whose connection errors say what happened. A name with several addresses that all fail ends in an
 * AggregateError without text, and the SDK passes on nothing but the text: whether anything was sent could not be told.
 */
export function createAgent(protocol: Endpoint['protocol'], options: AgentOptions): Agent {
  const agent = protocol === 'https://' ? new HttpsAgent(options) : new HttpAgent(options);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (...args: Parameters<typeof connect>) => {
    const ready = opened.getStore()?.take();
    if (ready) return ready;
    const socket = connect(...args);
    const tell = onOwnWrite.getStore();
    // What was written before is passed on at that moment.
    if (tell !== undefined) socket?.once(protocol === 'https://' ? 'secureConnect' : 'connect', tell);
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

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface ReceivedCall {
  action: string;
  body: Record<string, unknown>;
  headers: IncomingMessage['headers'];
  /** Number of the connection that it came on, from 1. */
  connection: number;
  atMs: number;
}

/** What the server does with one call; the last one of a script goes on for ever. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface ScriptedServer {
  /** `http://127.0.0.1:port` */
  url: string;
  port: number;
  calls: ReceivedCall[];
  /** Replaces the script. */
  script(...answers: Answer[]): void;
  close(): Promise<void>;
}

export const REQUEST_ID = 'a1b2c3d4-0000-4000-8000-00000000000f';

/** The vendor's envelope, with status 200. */
export const respond =
  (response: Record<string, unknown>): Answer =>
  (_request, answer) => {
    answer.setHeader('content-type', 'application/json');
    answer.end(JSON.stringify({ Response: { RequestId: REQUEST_ID, ...response } }));
  };

export const refuse = (code: string, message = 'refused'): Answer =>
  respond({ Error: { Code: code, Message: message } });

/** Starts an HTTP server on loopback that follows a test's script, and remembers every call. */
export async function startScriptedServer(): Promise<ScriptedServer> {
  let answers: Answer[] = [respond({})];
  const calls: ReceivedCall[] = [];
  const connections = new Map<Socket, number>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      calls.push({
        action: String(request.headers['x-tc-action']),
        body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>,
        headers: request.headers,
        connection: connections.get(request.socket) ?? 0,
        atMs: performance.now(),
      });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      answer?.(request, response);
    });
  });
  server.on('connection', (socket) => {
    connections.set(socket, connections.size + 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    calls,
    script: (...next) => {
      answers = next;
      calls.length = 0;
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

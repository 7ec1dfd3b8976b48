import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { EraseEvent } from '../../src/contract/erase-event.js';
import { eventually } from './processes.js';

/** `whsec_` and 32 bytes that nothing else has. */
export const WEBHOOK_KEY = `whsec_${Buffer.from('only-the-receiver-and-worker-know').toString('base64')}`;

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

/** A business service: takes POSTs, and verifies them by the library's own verifier, as such a service would. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  /** What to answer instead of 204, by attempt; the last one stands for all that follow. */
  answers: ((response: ServerResponse) => void)[] = [];
  private server: Server | undefined;
  private port = 0;

  constructor(private readonly key = WEBHOOK_KEY) {}

  /** Listens on the port that it had before, if any. */
  async listen(): Promise<this> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.received.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
        const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
        if (answer === undefined) response.writeHead(204).end();
        else answer(response);
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hooks`;
  }

  /** @throws WebhookVerificationError when the signature, the id or the time does not hold */
  verified({ headers, body }: Received): EraseEvent {
    return new Webhook(this.key).verify(body, headers as Record<string, string>) as EraseEvent;
  }

  events(): EraseEvent[] {
    return this.received.map((each) => this.verified(each));
  }

  /** Events of one run, when there are that many. */
  async eventsOf(workflowId: string, count: number): Promise<EraseEvent[]> {
    return await eventually(`${count} webhooks of ${workflowId}`, async () => {
      const events = this.events().filter(({ data }) => data.workflowId === workflowId);
      return events.length >= count ? events : undefined;
    });
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

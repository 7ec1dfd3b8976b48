import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { deferred } from './deferred.js';

/** Where a call is stopped: on its way to the vendor, or its answer on the way back. */
export type GatePlace = 'request' | 'answer';

/** A call that waits at the gate, or will. */
export interface GateHold {
  readonly fileId: string;
  /** Settles when the call has come to the place. */
  readonly reached: Promise<void>;
  hasReached(): boolean;
  /** `deliver` lets it go on, also when nobody waits for it any more; `lose` closes the connection instead. */
  release(how: 'deliver' | 'lose'): void;
  /** False once the caller has given up. */
  clientIsThere(): boolean;
  /** Settles when, after the release, all was handed to the other side's kernel. */
  readonly passed: Promise<void>;
}

export interface SeenCall {
  at: number;
  action: string;
  fileId: string | null;
  what: string;
}

/**
 * A proxy in front of the simulator that knows what passes through it. It changes no request: the signature covers the
 * Host header, which is the gate's own.
 */
export interface VendorGate {
  readonly url: string;
  hold(fileId: string, action: string, place: GatePlace): GateHold;
  /** Answers about tasks of this file say that they run, until {@link letFinish}. */
  keepRunning(fileId: string): void;
  letFinish(fileId: string): void;
  /** No call of this action about this file reaches the vendor, until {@link open}. */
  shut(fileId: string, action: string): void;
  open(fileId: string): void;
  seen(): readonly SeenCall[];
  close(): Promise<void>;
}

interface Hold extends GateHold {
  action: string;
  place: GatePlace;
  arrive(response: ServerResponse): Promise<'deliver' | 'lose'>;
  done(): void;
}

const ASKS_FOR_TASK = 'DescribeTaskDetail';

export async function startVendorGate(targetUrl: string): Promise<VendorGate> {
  const target = new URL(targetUrl);
  const holds: Hold[] = [];
  const running = new Set<string>();
  /** By file, the action that is shut. */
  const shut = new Map<string, string>();
  const fileOfTask = new Map<string, string>();
  /** Tasks whose end was reported once: the next detail is the fetch of the result. */
  const toldFinished = new Set<string>();
  const seen: SeenCall[] = [];

  const take = (action: string, fileId: string | null, place: GatePlace) => {
    const at = holds.findIndex((h) => h.action === action && h.fileId === fileId && h.place === place);
    return at === -1 ? undefined : holds.splice(at, 1)[0];
  };

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bytesOf(incoming);
    const action = String(incoming.headers['x-tc-action'] ?? '');
    const { fileId, taskId } = subjectOf(body.toString(), action, fileOfTask);
    const note = (what: string) => seen.push({ at: Date.now(), action, fileId, what });
    note('asked');
    if (fileId !== null && shut.get(fileId) === action) {
      note('shut');
      response.socket?.destroy();
      return;
    }
    const before = take(action, fileId, 'request');
    if (before !== undefined && (await before.arrive(response)) === 'lose') {
      note('lost on the way to the vendor');
      response.socket?.destroy();
      before.done();
      return;
    }
    const answer = await forward(target, incoming, body).catch((error: Error) => error);
    before?.done();
    if (answer instanceof Error) {
      note(`no answer of the vendor (${answer.message})`);
      response.socket?.destroy();
      return;
    }
    let text = answer.body.toString();
    const given = /"TaskId":"([^"]+)"/.exec(text)?.[1];
    if (action === 'ProcessMediaByMPS' && given !== undefined && fileId !== null) fileOfTask.set(given, fileId);
    if (action === ASKS_FOR_TASK && fileId !== null && running.has(fileId)) {
      text = text.replaceAll('"Status":"FINISH"', '"Status":"PROCESSING"');
    }
    const finished = action === ASKS_FOR_TASK && text.includes('"Status":"FINISH"');
    const isFetch = finished && toldFinished.has(taskId ?? '');
    if (finished && taskId !== null) toldFinished.add(taskId);
    const after = action === ASKS_FOR_TASK && !isFetch ? undefined : take(action, fileId, 'answer');
    if (after !== undefined && (await after.arrive(response)) === 'lose') {
      note('answer lost');
      response.socket?.destroy();
      after.done();
      return;
    }
    note(answer.cut ? 'answer cut' : `answered ${/"Code":"([^"]+)"/.exec(text)?.[1] ?? given ?? answer.status}`);
    if (answer.cut) {
      response.socket?.destroy();
    } else {
      const { 'content-length': _length, connection: _connection, ...headers } = answer.headers;
      const bytes = Buffer.from(text);
      response.writeHead(answer.status, { ...headers, 'content-length': String(bytes.length) });
      response.end(bytes, () => after?.done());
    }
    if (response.socket === null || response.destroyed) after?.done();
  }

  const server = createServer((incoming, response) => {
    response.on('error', () => undefined);
    handle(incoming, response).catch(() => response.socket?.destroy());
  });
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    hold(fileId, action, place) {
      const hold = makeHold(fileId, action, place);
      holds.push(hold);
      return hold;
    },
    keepRunning: (fileId) => void running.add(fileId),
    letFinish: (fileId) => void running.delete(fileId),
    shut: (fileId, action) => void shut.set(fileId, action),
    open: (fileId) => void shut.delete(fileId),
    seen: () => seen,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function makeHold(fileId: string, action: string, place: GatePlace): Hold {
  const [reached, passed] = [deferred(), deferred()];
  const released = deferred<'deliver' | 'lose'>();
  let arrived = false;
  let caller: ServerResponse | undefined;
  return {
    fileId,
    action,
    place,
    reached: reached.promise,
    passed: passed.promise,
    hasReached: () => arrived,
    release: (how) => released.resolve(how),
    clientIsThere: () => caller !== undefined && !caller.destroyed,
    arrive(response) {
      arrived = true;
      caller = response;
      reached.resolve();
      return released.promise;
    },
    done: () => passed.resolve(),
  };
}

interface Forwarded {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  /** The vendor closed the connection before the end. */
  cut: boolean;
}

function forward(target: URL, incoming: IncomingMessage, body: Buffer): Promise<Forwarded> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | string[] | undefined> = { ...incoming.headers, connection: 'close' };
    const onward = request(
      {
        host: target.hostname,
        port: target.port,
        method: incoming.method,
        path: incoming.url,
        headers,
        setHost: false,
        agent: false,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        const given = () => ({
          status: answer.statusCode ?? 502,
          headers: answer.headers as Record<string, string>,
          body: Buffer.concat(chunks),
        });
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => resolve({ ...given(), cut: false }));
        answer.on('error', () => resolve({ ...given(), cut: true }));
        answer.on('aborted', () => resolve({ ...given(), cut: true }));
      },
    );
    onward.on('error', reject);
    onward.end(body);
  });
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The source file that a call is about: by its FileId, by its task, or, for a publish, by the name that it gives. */
function subjectOf(text: string, action: string, fileOfTask: ReadonlyMap<string, string>) {
  const field = (name: string) => new RegExp(`"${name}":"([^"]+)"`).exec(text)?.[1];
  const taskId = field('TaskId') ?? null;
  const fileId = action === 'ModifyMediaInfo' ? (field('Name') ?? field('FileId')) : field('FileId');
  return { taskId, fileId: fileId ?? (taskId === null ? null : (fileOfTask.get(taskId) ?? null)) };
}

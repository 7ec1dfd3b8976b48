import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Admin, AdminError, type MediaSpec } from './admin.js';
import type { FaultSpec } from './faults.js';
import { BodyTooLarge, readBody } from './http-body.js';
import { isObject } from './parameters.js';

export const ADMIN_PREFIX = '/_admin/';
/** Enough for a library of some 400,000 files in one request. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

interface Reply {
  status: number;
  type: string;
  body: string;
}

/** The admin API over HTTP: GET calls, tasks, faults; POST media, faults, release, age; DELETE faults, media/FILEID. */
export async function handleAdmin(admin: Admin, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request, MAX_BODY_BYTES).catch(() => undefined);
  if (body === undefined) return;
  let reply: Reply;
  try {
    reply =
      body instanceof BodyTooLarge ? sentence(413, 'The body is larger than 64 MB.') : route(admin, request, body);
  } catch (error) {
    reply = error instanceof AdminError ? sentence(400, error.message) : sentence(500, String(error));
  }
  response.writeHead(reply.status, { 'content-type': reply.type });
  response.end(reply.body);
}

function route(admin: Admin, request: IncomingMessage, body: Buffer): Reply {
  const url = new URL(request.url ?? '/', 'http://simulator');
  const [what = '', ...rest] = url.pathname.slice(ADMIN_PREFIX.length).split('/');
  switch (`${request.method} ${what}`) {
    case 'GET calls': {
      const from = numberOf(url.searchParams.get('from')) ?? 0;
      return ndjson(url.searchParams.has('detail') ? admin.callDetails().slice(from) : admin.calls(from));
    }
    case 'GET tasks':
      return json({ tasks: admin.tasks() });
    case 'GET faults':
      return json({ faults: admin.faults() });
    case 'POST media': {
      const { medias } = parse(body);
      if (!Array.isArray(medias)) throw new AdminError('The body must be an object with an array "medias".');
      admin.addMedia(medias as MediaSpec[]);
      return json({ added: medias.length });
    }
    case 'DELETE media':
      return json({ removed: admin.removeMedia(rest[0] ?? '', numberOf(url.searchParams.get('subAppId'))) });
    case 'POST faults':
      return json({ fault: admin.addFault(parse(body) as unknown as FaultSpec) });
    case 'DELETE faults':
      admin.clearFaults();
      return json({ cleared: true });
    case 'POST release': {
      const { fileId, subAppId } = parse(body);
      admin.release(fileId as string, subAppId as number | undefined);
      return json({ released: true });
    }
    case 'POST age':
      admin.age(parse(body).ms as number);
      return json({ aged: true });
    default:
      return sentence(404, `The admin API has no ${request.method} ${url.pathname}.`);
  }
}

function parse(body: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new AdminError('The body must be JSON.');
  }
  if (!isObject(value)) throw new AdminError('The body must be a JSON object.');
  return value;
}

const numberOf = (text: string | null) => (text === null ? undefined : Number(text));

const json = (value: unknown): Reply => ({ status: 200, type: 'application/json', body: JSON.stringify(value) });

const ndjson = (items: readonly unknown[]): Reply => ({
  status: 200,
  type: 'application/x-ndjson',
  body: items.map((item) => `${JSON.stringify(item)}\n`).join(''),
});

const sentence = (status: number, error: string): Reply => ({
  status,
  type: 'application/json',
  body: JSON.stringify({ error }),
});

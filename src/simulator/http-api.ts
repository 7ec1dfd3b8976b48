import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Action } from './actions/action.js';
import { ACTION_NAMES, ACTIONS } from './actions/index.js';
import { ApiError, invalidValue, missingParameter } from './api-error.js';
import type { CallDetail } from './call-log.js';
import { applyPatch, type Fault } from './faults.js';
import { BodyTooLarge, readBody } from './http-body.js';
import { checkParameters, isObject, type Parameters, parametersOfQuery } from './parameters.js';
import { pick } from './random.js';
import { verifySignature } from './signature.js';
import type { SimulatedAccount } from './simulated-account.js';
import { SlidingWindow } from './sliding-window.js';

const API_VERSION = '2018-07-17';
/** Request structure document: a TC3-signed POST has at most 10 MB, a GET 32 KB. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;
const MAX_QUERY_BYTES = 32 * 1024;

/** The response, decided atomically with the execution; later steps cannot change what was executed. */
interface Answer {
  status: number;
  body: string;
  delayMs: number;
  /** Bytes of the body sent before the connection is closed; undefined: all, and it stays open. */
  cutAfter?: number;
  reset: boolean;
}

/** The HTTP API: counts, validates, executes, answers, and applies the configured faults. */
export class HttpApi {
  readonly #windows = new Map<string, SlidingWindow>();
  #arrivals = 0;

  constructor(readonly account: SimulatedAccount) {
    const { submitsPerSecond, readsPerSecond, writesPerSecond } = account.options;
    const limits = { submit: submitsPerSecond, read: readsPerSecond, write: writesPerSecond };
    for (const [name, { rate }] of Object.entries(ACTIONS)) this.#windows.set(name, new SlidingWindow(limits[rate]));
    // Rate windows survive a restart.
    for (const { action, at, outcome } of account.calls.slice(-1000))
      if (at > Date.now() - 1000 && !isThrottled(outcome)) this.#windows.get(action)?.admit(at);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body: Buffer | BodyTooLarge;
    try {
      body = await readBody(request, MAX_BODY_BYTES);
    } catch {
      return; // The client closed the connection while sending.
    }
    const { requestDelayMs, answerDelayMs, seed } = this.account.options;
    const arrival = ++this.#arrivals;
    const delayMs = pick(requestDelayMs, seed, `request ${arrival}`);
    if (delayMs > 0) await wait(delayMs);
    const answer = await this.#admit(request, body);
    const heldBackMs = answer.delayMs + pick(answerDelayMs, seed, `answer ${arrival}`);
    if (heldBackMs > 0) await wait(heldBackMs);
    send(answer, request, response);
  }

  /** Runs within one turn of the event loop, except for a fault that waits before it executes. */
  #admit(request: IncomingMessage, body: Buffer | BodyTooLarge): Answer | Promise<Answer> {
    const call: CallDetail = {
      at: Date.now(),
      action: header(request, 'x-tc-action') ?? '',
      fileId: null,
      taskId: null,
      outcome: 'ok',
      requestId: randomUUID(),
      secretId: null,
      subAppId: null,
    };
    try {
      const { action, parameters } = this.#check(request, body, call);
      const fault = this.account.faults.forRequest(call.action, call.fileId);
      if (fault?.kind === 'drop-before') {
        this.account.faults.use(fault);
        call.outcome = 'dropped';
        return this.#closed(call, { ...PLAIN, cutAfter: 0, reset: fault.reset === true });
      }
      if (!isThrottled(fault?.kind === 'error' ? fault.code : undefined)) this.#count(call);
      if (fault) this.account.faults.use(fault);
      if (fault?.kind === 'delay' && fault.execute === false)
        return wait(fault.ms ?? 0).then(() => this.#closed(call, this.#execute(action, parameters, call)));
      return this.#closed(
        call,
        fault ? this.#misbehave(fault, action, parameters, call) : this.#execute(action, parameters, call),
      );
    } catch (error) {
      return this.#closed(call, this.#refuse(error, call));
    }
  }

  #check(
    request: IncomingMessage,
    body: Buffer | BodyTooLarge,
    call: CallDetail,
  ): { action: Action; parameters: Parameters } {
    const [path = '/', query = ''] = (request.url ?? '/').split(/\?(.*)/s);
    const method = request.method ?? '';
    if (method !== 'GET' && method !== 'POST')
      throw new ApiError('UnsupportedProtocol', 'The HTTP method must be GET or POST.');
    if (body instanceof BodyTooLarge || query.length > MAX_QUERY_BYTES)
      throw new ApiError('RequestSizeLimitExceeded', 'The request is larger than allowed.');
    for (const name of ['Action', 'Version', 'Timestamp'])
      if (!header(request, `x-tc-${name.toLowerCase()}`)) throw missingParameter(name);
    const headers = request.headers as Record<string, string | undefined>;
    const { credentials, clockSkewMs } = this.account.options;
    const vendorNowMs = call.at + clockSkewMs;
    call.secretId = verifySignature({ method, path, query, headers, body }, credentials, vendorNowMs).secretId;
    const action = Object.hasOwn(ACTIONS, call.action) ? ACTIONS[call.action] : undefined;
    if (!action)
      throw new ApiError(
        'InvalidAction',
        `The action ${call.action} does not exist here. The simulator knows ${ACTION_NAMES.join(', ')}.`,
      );
    if (header(request, 'x-tc-version') !== API_VERSION)
      throw new ApiError('NoSuchVersion', `The version of this product is ${API_VERSION}.`);
    const given = method === 'GET' ? parametersOfQuery(query, action.parameters) : parseBody(request, body);
    const [onlyFile, ...moreFiles] = Array.isArray(given.FileIds) ? given.FileIds : [];
    if (typeof given.FileId === 'string') call.fileId = given.FileId;
    else if (typeof onlyFile === 'string' && moreFiles.length === 0) call.fileId = onlyFile;
    if (typeof given.TaskId === 'string') {
      call.taskId = given.TaskId;
      call.fileId ??= this.account.tasks.get(given.TaskId)?.fileId ?? null;
    }
    return { action, parameters: given };
  }

  #count(call: CallDetail): void {
    if (this.#windows.get(call.action)?.admit(call.at) === false)
      throw new ApiError(
        'RequestLimitExceeded',
        `Your current request times equals to ${this.#windows.get(call.action)?.limit} in a second, which exceeds the frequency limit.`,
      );
  }

  #run(action: Action, given: Parameters, call: CallDetail): Record<string, unknown> {
    const beyond = action.notSimulated?.find((name) => given[name] !== undefined && given[name] !== null);
    if (beyond)
      throw new ApiError(
        'UnsupportedOperation',
        `The vendor knows the parameter \`${beyond}\`, the simulator does not.`,
      );
    const parameters = checkParameters(given, action.parameters);
    const { subAppIds } = this.account.options;
    const subAppId = (parameters.SubAppId as number | undefined) ?? (subAppIds[0] as number);
    if (!subAppIds.includes(subAppId))
      throw invalidValue('SubAppId', 'there is no such sub-application', 'InvalidParameterValue.SubAppId');
    call.subAppId = subAppId;
    const result = action.run({ account: this.account, parameters, subAppId, requestId: call.requestId });
    if (typeof result.TaskId === 'string') call.taskId = result.TaskId;
    return result;
  }

  #execute(action: Action, parameters: Parameters, call: CallDetail): Answer {
    try {
      return { ...PLAIN, body: envelope({ ...this.#run(action, parameters, call), RequestId: call.requestId }) };
    } catch (error) {
      return this.#refuse(error, call);
    }
  }

  #misbehave(fault: Fault, action: Action, parameters: Parameters, call: CallDetail): Answer {
    const executes = fault.execute ?? (fault.kind !== 'error' && fault.kind !== 'http-status');
    let result: Record<string, unknown> = {};
    if (executes) result = this.#run(action, parameters, call);
    const response = { ...result, RequestId: call.requestId };
    if (fault.kind === 'patch') applyPatch(response, fault.patch ?? {});
    const body = envelope(response);
    switch (fault.kind) {
      case 'error':
        return this.#refuse(new ApiError(fault.code ?? '', fault.message ?? 'An injected fault.'), call, fault.patch);
      case 'drop-after-accept':
        call.outcome = 'dropped';
        return { ...PLAIN, cutAfter: 0, reset: fault.reset === true };
      case 'truncate':
        call.outcome = 'dropped';
        return { ...PLAIN, body, cutAfter: Math.floor(body.length / 2), reset: fault.reset === true };
      case 'http-status':
        call.outcome = `http-${fault.status}`;
        return { ...PLAIN, status: fault.status ?? 500, body: fault.body ?? ERROR_PAGE };
      case 'bad-json':
        return { ...PLAIN, body: fault.body ?? ERROR_PAGE };
      case 'delay':
        return { ...PLAIN, body, delayMs: fault.ms ?? 0 };
      default:
        return { ...PLAIN, body };
    }
  }

  #refuse(error: unknown, call: CallDetail, patch: Record<string, unknown> = {}): Answer {
    const { code, message } =
      error instanceof ApiError ? error : new ApiError('InternalError', `The simulator failed: ${String(error)}`);
    call.outcome = code;
    const response = { Error: { Code: code, Message: message }, RequestId: call.requestId };
    applyPatch(response, patch);
    return { ...PLAIN, body: envelope(response) };
  }

  #closed(call: CallDetail, answer: Answer): Answer {
    this.account.calls.push(call);
    this.account.store.saveCall(call);
    return answer;
  }
}

const PLAIN: Answer = { status: 200, body: '', delayMs: 0, reset: false };
const ERROR_PAGE = '<html><body><h1>Service Temporarily Unavailable</h1></body></html>';

const envelope = (response: Record<string, unknown>) => JSON.stringify({ Response: response });

const isThrottled = (code: string | undefined) => code?.startsWith('RequestLimitExceeded') ?? false;

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function parseBody(request: IncomingMessage, body: Buffer): Parameters {
  if (!/^application\/json\b/i.test(header(request, 'content-type') ?? ''))
    throw new ApiError('InvalidParameter', 'A POST must have the content type application/json.');
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new ApiError('InvalidParameter', 'The body is not JSON.');
  }
  if (!isObject(value)) throw new ApiError('InvalidParameter', 'The body is not a JSON object.');
  return value;
}

function send(answer: Answer, request: IncomingMessage, response: ServerResponse): void {
  const close = () => (answer.reset ? request.socket.resetAndDestroy() : request.socket.destroy());
  if (answer.cutAfter === 0) {
    close();
    return;
  }
  const bytes = Buffer.from(answer.body);
  const isJson = answer.body.startsWith('{');
  const traceId = header(request, 'x-tc-traceid');
  response.writeHead(answer.status, {
    'content-type': isJson ? 'application/json' : 'text/html',
    'content-length': bytes.length,
    ...(traceId === undefined ? {} : { 'x-tc-traceid': traceId }),
  });
  if (answer.cutAfter === undefined) response.end(bytes);
  else response.write(bytes.subarray(0, answer.cutAfter), close);
}

import { Client } from 'tencentcloud-sdk-nodejs/tencentcloud/services/vod/v20180717/vod_client.js';
import { keyPairProblem } from '../config/vendor-credentials.js';
import { createAgent, OpenConnection } from './agents.js';
import { classify, vodError } from './classify.js';
import type { Credentials } from './credential-source.js';
import { type CredentialProvider, CredentialsAwayError } from './credentials.js';
import type { Endpoint } from './endpoint.js';
import { fitAnswer } from './fit-answer.js';
import type { VodAction } from './rates.js';

export interface CallerOptions {
  endpoint: Endpoint;
  credentials: CredentialProvider;
  requestTimeoutSeconds: number;
  language: 'en-US' | 'zh-CN';
  /** Whether connections are kept for the next call. */
  keepAlive: boolean;
  /** Whether a call with an expired signature is signed and sent again, once. */
  signsAgain: boolean;
  /** Timeout of a connection that a call opens itself, in milliseconds. Default: the request's timeout. */
  connectWithinMs?: number;
  /** Additional headers for each call, computed when it is sent; none by default. They are not signed. */
  headers?: (() => Record<string, string>) | undefined;
}

/** An expired signature: the call was not executed, so a second signature is safe. */
export const SIGNATURE_EXPIRED = 'AuthFailure.SignatureExpire';

/** Maximum kept connections for reads. Ours: more than all read rates together need. */
const MAX_SOCKETS = 64;

/**
 * One SDK client with its own agent. An explicit agent also keeps the SDK from using the lower-case `http_proxy` variable, which
 * would send signed calls through an unintended proxy.
 */
export class SdkCaller {
  readonly #client: Client;
  readonly #agent: ReturnType<typeof createAgent>;
  readonly #provider: CredentialProvider;
  readonly #headers: () => Record<string, string>;
  readonly #endpoint: Endpoint;
  readonly #signsAgain: boolean;
  #current: Credentials = { secretId: '', secretKey: '' };

  constructor(options: CallerOptions) {
    const { endpoint, keepAlive, connectWithinMs } = options;
    this.#agent = createAgent(endpoint.protocol, {
      keepAlive,
      ...(keepAlive ? { maxSockets: MAX_SOCKETS } : {}),
      ...(connectWithinMs === undefined ? {} : { connectWithinMs }),
    });
    this.#signsAgain = options.signsAgain;
    this.#provider = options.credentials;
    this.#headers = options.headers ?? (() => ({}));
    this.#endpoint = endpoint;
    this.#client = new Client({
      credential: { getCredential: async () => this.#current },
      profile: {
        language: options.language,
        signMethod: 'TC3-HMAC-SHA256',
        httpProfile: {
          endpoint: endpoint.host,
          protocol: endpoint.protocol,
          reqMethod: 'POST',
          reqTimeout: options.requestTimeoutSeconds,
          agent: this.#agent,
        },
      },
    });
  }

  /**
   * Calls once; with re-signing, once more when the first signature was refused as too old. Returns the answer, with unsupported
   * characters replaced, or throws a VodError. When the signal fires, its reason is thrown unchanged.
   */
  async call(
    action: VodAction,
    request: Record<string, unknown>,
    signal?: AbortSignal,
    /** `onSend` is called before anything of the request can be sent; its error cancels the call. */
    { onSend, connection }: { onSend?: () => void; connection?: OpenConnection | undefined } = {},
  ): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const credentials = await this.#credentials(action, signal);
      onSend?.();
      try {
        const headers = this.#headers();
        const send = () =>
          this.#client.request(action, request, signal === undefined ? { headers } : { headers, signal });
        return fitAnswer(await (connection === undefined ? send() : connection.use(send)));
      } catch (thrown) {
        signal?.throwIfAborted();
        const { secretId, secretKey, token } = credentials;
        const error = classify(action, thrown, [secretId, secretKey, ...(token === undefined ? [] : [token])]);
        if (error.code !== SIGNATURE_EXPIRED || attempt > 1 || !this.#signsAgain) {
          throw error;
        }
      }
    }
  }

  /** A connection for a later call. */
  async connect(signal: AbortSignal): Promise<OpenConnection> {
    return await OpenConnection.open(this.#agent, this.#endpoint, signal);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Read before the SDK does, which would report missing credentials like a network error. */
  async #credentials(action: VodAction, signal?: AbortSignal): Promise<Credentials> {
    let found: Credentials | null;
    try {
      found = await orAbort(this.#provider.getCredential(), signal);
    } catch (error) {
      signal?.throwIfAborted();
      const code = error instanceof CredentialsAwayError ? 'credentials-away' : 'NoCredentials';
      throw vodError({ action, code, said: error instanceof Error ? error.message : String(error) });
    }
    if (found === null) {
      throw vodError({ action, code: 'NoCredentials' });
    }
    const problem = keyPairProblem(found);
    if (problem !== null) throw vodError({ action, code: 'illegal-header', said: problem });
    this.#current = found;
    return found;
  }
}

async function orAbort<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) {
    return work;
  }
  let stop: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

import type { VendorSettings } from '../../config/settings.js';
import { sdkCredentialChain } from '../../tencent-vod/credentials.js';
import { parseEndpoint } from '../../tencent-vod/endpoint.js';
import type { VodAction } from '../../tencent-vod/rates.js';
import { SdkCaller } from '../../tencent-vod/sdk-caller.js';
import { VodError } from '../../tencent-vod/vod-error.js';
import { Redactor } from './redact.js';

/** One call and its response, redacted. */
export interface RecordedCall {
  /** ISO 8601, the time of the call. */
  at: string;
  /** Duration of the call, in milliseconds. */
  ms: number;
  /** Stage of the trial: before the submit, after it, after the end. */
  moment: 'before' | 'submitted' | 'ended';
  action: VodAction;
  request: unknown;
  answer: unknown;
  /** Null when there was a response. */
  error: { class: string; code: string } | null;
}

/** Records vendor reads, with account data redacted. It makes read calls only. */
export class Recorder {
  readonly calls: RecordedCall[] = [];
  readonly #caller: SdkCaller;
  readonly #redactor = new Redactor();

  constructor({ endpoint, credentials: given, requestTimeoutSeconds }: VendorSettings) {
    const keys = given && {
      secretId: given.secretId,
      secretKey: given.secretKey.reveal(),
      token: given.token?.reveal(),
    };
    this.#caller = new SdkCaller({
      endpoint: parseEndpoint(endpoint),
      credentials: keys === undefined ? sdkCredentialChain() : { getCredential: async () => keys },
      requestTimeoutSeconds,
      language: 'en-US',
      keepAlive: true,
      signsAgain: true,
    });
  }

  /** The unredacted response. @throws VodError, which is recorded too */
  async read(
    moment: RecordedCall['moment'],
    action: 'DescribeMediaInfos' | 'DescribeTaskDetail' | 'DescribeTasks',
    request: Record<string, unknown>,
  ): Promise<unknown> {
    const at = new Date().toISOString();
    const begun = performance.now();
    const note = (answer: unknown, error: RecordedCall['error']) =>
      this.calls.push({
        at,
        ms: Math.round(performance.now() - begun),
        moment,
        action,
        request: this.#redactor.redact(request),
        answer: this.#redactor.redact(answer),
        error,
      });
    try {
      const answer = await this.#caller.call(action, request);
      note(answer, null);
      return answer;
    } catch (error) {
      if (error instanceof VodError) note(null, { class: error.class, code: error.code });
      throw error;
    }
  }

  close(): void {
    this.#caller.close();
  }
}

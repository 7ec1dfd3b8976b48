import type { ErrorClass } from '../contract/error-classes.js';

/** An error of one vendor call, with a class of `contract/error-classes.ts`. Contains no secret and no request body. */
export class VodError extends Error {
  override readonly name = 'VodError';
  readonly class: ErrorClass;
  /** The API action, such as `DescribeTasks`. */
  readonly action: string;
  /** The vendor's code; for network errors the errno or our own name, such as `ECONNRESET` or `timeout`. */
  readonly code: string;
  /** Null where no response came. */
  readonly requestId: string | null;
  /** Set when the response was not HTTP 200. */
  readonly httpStatus: number | null;

  constructor(fields: {
    class: ErrorClass;
    action: string;
    code: string;
    message: string;
    requestId?: string | null;
    httpStatus?: number | null;
  }) {
    super(fields.message);
    this.class = fields.class;
    this.action = fields.action;
    this.code = fields.code;
    this.requestId = fields.requestId ?? null;
    this.httpStatus = fields.httpStatus ?? null;
  }
}

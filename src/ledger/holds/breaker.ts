/** What a breaker covers: the calls of one sub-application, or all calls of the account. */
export type BreakerScope = 'account' | `sub-app/${number}`;

/** Which opening of a breaker is meant: one that opened again has another time. */
export interface BreakerKey {
  scope: BreakerScope;
  /** By the database's clock, in whole milliseconds. */
  openedAt: Date;
}

/** An open breaker: no submit of its scope is sent. One that is closed has no row. */
export interface Breaker extends BreakerKey {
  class: string;
  code: string;
  message: string;
  requestId: string | null;
  /** The run whose refusal opened it. */
  workflowId: string;
}

/** Which breakers cover a submit. */
export function scopesOf(subAppId: number): BreakerScope[] {
  return ['account', `sub-app/${subAppId}`];
}

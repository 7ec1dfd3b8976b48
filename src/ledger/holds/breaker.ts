/** What a breaker covers: the calls of one sub-application, or all calls of the account. */
export type BreakerScope = 'account' | `sub-app/${number}`;

/** Identifies one opening of a breaker by its time. */
export interface BreakerKey {
  scope: BreakerScope;
  /** By the database's clock, in whole milliseconds. */
  openedAt: Date;
}

/** An open breaker: no submit of its scope is sent. A closed one has no row. */
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

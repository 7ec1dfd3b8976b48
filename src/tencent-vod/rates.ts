/** The vendor's documented rates, and what we use of them. */

/**
 * Calls a second for an account, by API. Source: the API documents of VOD 2018-07-17. SearchMedia and
 * ProcessMediaByProcedure: no rate could be confirmed, so they get the lowest that is documented for any of the others.
 */
export const DOCUMENTED_RATE = {
  DescribeTaskDetail: 100,
  DescribeTasks: 100,
  ManageTask: 20,
  DescribeMediaInfos: 100,
  SearchMedia: 20,
  ModifyMediaInfo: 100,
  ProcessMediaByProcedure: 20,
  PushUrlCache: 20,
} as const;

/** Every action but the paid one, whose rate the rate limiter keeps for all processes together. */
export type PacedAction = keyof typeof DOCUMENTED_RATE;

export const SUBMIT_ACTION = 'ProcessMediaByMPS';

export type VodAction = PacedAction | typeof SUBMIT_ACTION;

/** Share of a rate that one process uses: the rest is for consoles, scripts and other programs of the account. Ours. */
const SHARE = 0.8;

export function paceOf(action: PacedAction): number {
  return Math.floor(DOCUMENTED_RATE[action] * SHARE);
}

/** What a cap covers: everything, or one sub-application. */
export type CapScope = 'all' | `sub-app/${number}`;

/** `day`: a day in UTC, by the database's clock. `total`: for good, until it is raised. */
export type CapPeriod = 'day' | 'total';

export const CAP_PERIODS: readonly CapPeriod[] = ['day', 'total'];

/** A limit, and what counts against it. USD, estimated. */
export interface Cap {
  scope: CapScope;
  period: CapPeriod;
  limitUsd: number;
  /** Today, or in all: accepted, on its way, and in doubt. */
  spentUsd: number;
  /** 0 where more was spent than the cap allows by now. */
  leftUsd: number;
}

/** Which counters a submit counts on, in the order in which they are locked by everybody. */
export function countersOf(subAppId: number): { scope: CapScope; period: CapPeriod }[] {
  const scopes: CapScope[] = ['all', `sub-app/${subAppId}`];
  return scopes.flatMap((scope) => CAP_PERIODS.map((period) => ({ scope, period })));
}

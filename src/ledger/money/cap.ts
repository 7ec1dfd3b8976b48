/** What a cap covers: everything, or one sub-application. */
export type CapScope = 'all' | `sub-app/${number}`;

/** What is counted: what caps cover, and each batch, whose limit is its budget. */
export type CounterScope = CapScope | `batch/${string}`;

/** `day`: a day in UTC, by the database's clock. `total`: for good, until it is raised. */
export type CapPeriod = 'day' | 'total';

export const CAP_PERIODS: readonly CapPeriod[] = ['day', 'total'];

/** A limit, and what counts against it. USD, estimated. */
export interface Cap<Scope extends CounterScope = CapScope> {
  scope: Scope;
  period: CapPeriod;
  limitUsd: number;
  /** Today, or in all: accepted, in flight, and with unknown outcome. */
  spentUsd: number;
  /** 0 where more was spent than the cap allows by now. */
  leftUsd: number;
}

/** Which counters a submit counts on, in the one order in which they are locked. */
export function countersOf(subAppId: number, batchId: string | null): { scope: CounterScope; period: CapPeriod }[] {
  const scopes: CapScope[] = ['all', `sub-app/${subAppId}`];
  const counters: { scope: CounterScope; period: CapPeriod }[] = scopes.flatMap((scope) =>
    CAP_PERIODS.map((period) => ({ scope, period })),
  );
  return batchId === null ? counters : [...counters, { scope: batchScope(batchId), period: 'total' }];
}

/** The counter of a batch: what was spent in its name, and its budget. */
export function batchScope(batchId: string): `batch/${string}` {
  return `batch/${batchId}`;
}

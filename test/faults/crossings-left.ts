import { eventually } from '../support/processes.js';
import type { Mismatch } from './books.js';
import type { House } from './house.js';

/** Rows of runs that are gone: a worker checks for them when it starts, and every minute. */
const LEFT_WITHIN_MS = 75_000;
/** The server's list of runs lags behind a little. */
const OPEN_WITHIN_MS = 20_000;
const ROUNDING_USD = 1e-4;

export interface Left {
  /** Runs and batches that are open. */
  open: string[];
  /** Rows of the ledger about runs that are gone. */
  rows: string[];
}

export async function whatIsLeft(house: House): Promise<Left> {
  let open: string[] = [];
  await eventually(
    'no run to be open',
    async () => {
      open = [];
      const query = "ExecutionStatus = 'Running' AND WorkflowType IN ('erase', 'batch')";
      for await (const { workflowId, runId } of house.temporal.workflow.list({ query })) {
        open.push(`${workflowId}, run ${runId}, is still open`);
      }
      return open.length === 0 || undefined;
    },
    OPEN_WITHIN_MS,
  ).catch(() => undefined);
  let rows = await rowsLeft(house);
  if (rows.length === 0) return { open, rows };
  // Workers check such rows when they are five minutes old; and at once when they start.
  const older = "since = since - interval '10 minutes', seen_at = seen_at - interval '10 minutes'";
  await house.sql.query(`update hold set ${older} where ended_at is null`);
  await house.sql.query(`update run_phase set ${older}`);
  await house.startWorker();
  await eventually(
    'no row of a run that is gone',
    async () => {
      rows = await rowsLeft(house);
      return rows.length === 0 || undefined;
    },
    LEFT_WITHIN_MS,
  ).catch(() => undefined);
  return { open, rows };
}

async function rowsLeft(house: House): Promise<string[]> {
  const { rows } = await house.sql.query<{ what: string }>(
    `select workflow_id || ', run ' || run_id || ', has an open hold: ' || error_class as what from hold
       where ended_at is null
     union all select workflow_id || ', run ' || run_id || ', stands in run_phase: ' || phase from run_phase
     union all select workflow_id || ', run ' || run_id || ', stands in waiter: ' || task_id from waiter`,
  );
  return rows.map(({ what }) => what);
}

/** The counter of all that was ever spent, against the submissions. */
export async function compareCounted(house: House, add: (kind: Mismatch['kind'], what: string) => void): Promise<void> {
  const { rows } = await house.sql.query<{ counted: number; booked: number }>(
    `select
       coalesce((select spent_usd from cap where scope = 'all' and period = 'total'), 0)::double precision as counted,
       (select coalesce(sum(cost_usd), 0)::double precision from submission where cost_day is not null) as booked`,
  );
  const { counted, booked } = rows[0] ?? { counted: 0, booked: 0 };
  if (Math.abs(counted - booked) > ROUNDING_USD) add('wrong', `${counted} USD are counted, ${booked} are booked`);
}

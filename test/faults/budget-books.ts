import { join } from 'node:path';
import { writeReport } from '../../src/backlog/report/write-report.js';
import type { BatchSnapshot } from '../../src/contract/batch.js';
import type { ReportItem } from '../../src/contract/report.js';
import type { Ledger } from '../../src/ledger/index.js';
import { type ReadReport, readReport } from './batch-report.js';
import type { LedgerRow, Mismatch } from './books.js';
import type { Stage } from './crossings-stage.js';
import type { House } from './house.js';

const ROUNDING_USD = 1e-4;

export interface BatchAtItsEnd {
  snapshot: BatchSnapshot;
  report: ReadReport;
  items: ReportItem[];
}

/**
 * What a batch spent, as its submissions, its snapshot, its report, the items of it and the counter of its budget say: all the
 * same, and not above its budget. Null when it has not ended.
 */
export async function balanceBudget(
  stage: Stage,
  ledger: Ledger,
  batchId: string,
  rows: readonly LedgerRow[],
  add: (kind: Mismatch['kind'], what: string) => void,
): Promise<BatchAtItsEnd | null> {
  const says = (what: string) => `the batch ${batchId}: ${what}`;
  const snapshot = await ledger.batches.snapshot(batchId);
  if (snapshot?.state !== 'ended') {
    const { state, waitingFor, counts } = snapshot ?? {};
    add('open', says(`it has not ended: ${state}, ${waitingFor}, ${JSON.stringify(counts)}`));
    return null;
  }
  const folder = join(stage.folder, `report-${batchId}`);
  const written = await ledger.reports.batch(batchId);
  if (written !== null) await writeReport(ledger.reports, written, { folder, replace: false });
  const report = await readReport(folder);
  for (const problem of report.problems) add('wrong', says(problem));
  const items = [...report.succeeded, ...report.failed];
  const { total } = snapshot.counts;
  if (items.length !== total) add('wrong', says(`its report has ${items.length} of ${total} items`));
  const booked = rows.filter(({ batch_id, cost_day }) => batch_id === batchId && cost_day !== null);
  const sum = (amounts: readonly (number | null)[]) => amounts.reduce<number>((so, usd) => so + (usd ?? 0), 0);
  const usd = {
    ledger: sum(booked.map(({ cost_usd }) => Number(cost_usd ?? 0))),
    snapshot: snapshot.spentUsd,
    report: report.manifest.costUsd,
    items: sum(items.map(({ costUsd }) => costUsd)),
    ...(await countedFor(stage.house, batchId)),
  };
  const amounts = Object.values(usd);
  const told = JSON.stringify(usd);
  if (Math.max(...amounts) - Math.min(...amounts) > ROUNDING_USD) add('wrong', says(`what it spent differs: ${told}`));
  return { snapshot, report, items };
}

/** What the counter of the batch's budget says, where there is one. */
async function countedFor(house: House, batchId: string): Promise<{ counter?: number }> {
  const { rows } = await house.sql.query<{ usd: number }>(
    "select spent_usd::double precision as usd from cap where scope = 'batch/' || $1::text and period = 'total'",
    [batchId],
  );
  return rows[0] === undefined ? {} : { counter: rows[0].usd };
}

import { BATCH_ITEM_STATES, type BatchSnapshot } from '../contract/batch.js';
import { filterEquals } from '../contract/list-filter.js';
import type { Names } from '../contract/names.js';
import { BLANK_LAST_LINE, codeSpan, inTable } from '../contract/ui-markdown.js';

/** A batch as the Temporal UI shows it: Markdown with its counts as a table, and where to find failures. */
export function batchDetails(batchId: string, snapshot: BatchSnapshot | null, { searchAttribute }: Names): string {
  const lines = snapshot === null ? ['No round of feeding has ended yet.'] : snapshotLines(snapshot);
  lines.push(
    '',
    `Its failed runs, as a filter of the list of workflows (where the search attribute ${searchAttribute.batchId} is registered: ` +
      '`smart-erase setup --optional`):',
    '',
    codeSpan(
      `${filterEquals(searchAttribute.batchId, batchId)} AND ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut')`,
    ),
    '',
    'Decide by the update `pause`, `resume`, `drain`, `cancel` or `go` with `{"by": "…", "reason": "…"}`.',
  );
  return lines.join('\n') + BLANK_LAST_LINE;
}

function snapshotLines(snapshot: BatchSnapshot): string[] {
  const { counts, state, endedAs, waitingDetail, etaAt } = snapshot;
  const rows: [string, string | null][] = [
    ['State', endedAs === null ? state : `ended: ${endedAs}`],
    ['Waits', waitingDetail],
    ['As of', snapshot.asOf],
    ...BATCH_ITEM_STATES.map((name): [string, string | null] => [
      name,
      counts[name] === 0 ? null : String(counts[name]),
    ]),
    ['**total**', `**${counts.total}**`],
    ['in review', snapshot.inReview ? String(snapshot.inReview) : null],
    ['Holds', holds(snapshot)],
    ['Submits a second', String(snapshot.submitsPerSecond)],
    ['Ended a second', String(snapshot.endedPerSecond)],
    ['Window', `${snapshot.window} of ${snapshot.settings.concurrency}`],
    ['Tolerates', tolerance(snapshot)],
    ['Ends about', etaAt],
    ['USD (estimated)', money(snapshot)],
    ['Breaker', snapshot.breaker && `${snapshot.breaker.scope} ${snapshot.breaker.state}: ${snapshot.breaker.message}`],
  ];
  const table = ['| | |', '| --- | --- |'];
  for (const [name, value] of rows) if (value !== null) table.push(`| ${name} | ${inTable(value)} |`);
  return table;
}

function holds({ holds: byClass }: BatchSnapshot): string | null {
  const classes = Object.entries(byClass).map(([name, count]) => `${count} for ${name}`);
  return classes.length === 0 ? null : classes.join(', ');
}

function tolerance({ settings: { tolerate } }: BatchSnapshot): string {
  if (tolerate === null) return 'any number of failures';
  return 'count' in tolerate ? `${tolerate.count} failures` : `${tolerate.percent}% failures`;
}

function money({ spentUsd, estimatedUsd, settings: { maxCostUsd } }: BatchSnapshot): string {
  const of = estimatedUsd === null ? '' : ` of ${estimatedUsd.toFixed(2)}`;
  return `${spentUsd.toFixed(2)}${of}${maxCostUsd === null ? '' : `, budget ${maxCostUsd.toFixed(2)}`}`;
}

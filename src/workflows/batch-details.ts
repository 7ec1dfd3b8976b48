import { BATCH_ITEM_STATES, type BatchSnapshot } from '../contract/batch.js';
import type { Names } from '../contract/names.js';
import { BLANK_LAST_LINE } from '../contract/ui-markdown.js';

/** A batch as the Temporal UI shows it: Markdown, its counts as a table, and where to look for what failed. */
export function batchDetails(batchId: string, snapshot: BatchSnapshot | null, { searchAttribute }: Names): string {
  const lines = snapshot === null ? ['No round of feeding has ended yet.'] : snapshotLines(snapshot);
  lines.push(
    '',
    'Its failed runs, as a filter of the list of workflows:',
    '',
    `\`${searchAttribute.batchId} = "${batchId}" AND ExecutionStatus IN ("Failed", "Terminated", "TimedOut")\``,
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
    ['Submits a second', String(snapshot.submitsPerSecond)],
    ['Window', String(snapshot.window)],
    ['Ends about', etaAt],
    ['USD (estimated)', money(snapshot)],
    ['Breaker', snapshot.breaker && `${snapshot.breaker.scope} ${snapshot.breaker.state}: ${snapshot.breaker.message}`],
  ];
  const table = ['| | |', '| --- | --- |'];
  for (const [name, value] of rows) if (value !== null) table.push(`| ${name} | ${escaped(value)} |`);
  return table;
}

function money({ spentUsd, estimatedUsd }: BatchSnapshot): string {
  return estimatedUsd === null ? spentUsd.toFixed(2) : `${spentUsd.toFixed(2)} of ${estimatedUsd.toFixed(2)}`;
}

function escaped(text: string): string {
  return text.replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ');
}

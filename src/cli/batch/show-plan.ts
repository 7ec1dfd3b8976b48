import { visible } from '../../contract/visible.js';
import type { BatchStaging, RowProblem } from '../../ledger/batch-staging.js';
import type { Ledger } from '../../ledger/ledger.js';
import { tellOtherPrices } from '../other-prices.js';
import type { Column, Output } from '../output.js';
import type { PricedPlan } from './load.js';

/** Problems that are shown to a person; with `-o json` all of them are. */
const SHOWN_PROBLEMS = 50;
const PROBLEM_PAGE = 1_000;

const usd = (amount: number) => amount.toFixed(2);

export const PLAN_COLUMNS: readonly Column<PricedPlan>[] = [
  { heading: 'Source', of: ({ source }) => source.name },
  { heading: 'SHA-256', of: ({ source }) => source.sha256 },
  { heading: 'Rows', of: ({ source }) => source.rows },
  { heading: 'Bad rows', of: ({ problems }) => problems || null },
  { heading: 'Duplicates', of: ({ duplicates }) => duplicates || null },
  { heading: 'Paid for before', of: paidText },
  {
    heading: 'Own results',
    of: ({ ownResults }) => (ownResults ? `${ownResults} files that earlier erases made` : null),
  },
  { heading: 'Items', of: ({ items }) => items },
  {
    heading: 'Recipes',
    of: ({ byRecipe }) => byRecipe.map((one) => `${one.recipe}: ${one.items}, ${usd(one.estimatedUsd)} USD`).join('\n'),
  },
  {
    heading: 'Sub-applications',
    of: ({ bySubApp }) => bySubApp.map((one) => `${one.subAppId}: ${one.items}`).join('\n'),
  },
  { heading: 'Length', of: lengthText },
  { heading: 'Estimated USD', of: ({ estimatedUsd }) => usd(estimatedUsd) },
  { heading: 'Submits take', of: ({ submitSeconds }) => durationText(submitSeconds) },
];

/** The plan on stdout, and what a person should know besides on stderr. */
export async function showPlan(output: Output, plan: PricedPlan, staging: BatchStaging): Promise<void> {
  if (output.format === 'table') {
    output.one(plan, PLAN_COLUMNS);
    await tellProblems(output, plan, staging);
  } else {
    await writeJson(output, plan, staging);
  }
}

/** What is no problem, and still good to know. */
export async function tellRemarks(output: Output, plan: PricedPlan, ledger: Ledger): Promise<void> {
  const { ignoredColumns, duplicateRows, duplicates } = plan;
  if (ignoredColumns.length > 0) output.say(`Columns that are ignored: ${ignoredColumns.join(', ')}.`);
  if (duplicates > 0) {
    const named = duplicateRows.map(({ row, fileId, firstRow }) =>
      row === null || firstRow === null ? fileId : `row ${row} is row ${firstRow} (${fileId})`,
    );
    const more = duplicates > named.length ? `, and ${duplicates - named.length} more` : '';
    output.say(`Dropped as duplicates: ${named.join(', ')}${more}.`);
  }
  if (plan.paidBefore.lost > 0) {
    output.say(
      `${plan.paidBefore.lost} were paid for, and their results were deleted or never read: they are left out. To pay again: smart-erase ` +
        'start FILEID --pay-again TOKEN --reason "…".',
    );
  }
  if (plan.paidBefore.rejected > 0) {
    output.say(
      `The results of ${plan.paidBefore.rejected} were rejected in review. They are taken up only by --include-paid with a ` +
        'review; another recipe makes new ones.',
    );
  }
  tellOtherPrices(output, plan.pricesDiffer);
  for (const cap of await ledger.listCaps()) {
    const concerned = cap.scope === 'all' || plan.bySubApp.some(({ subAppId }) => cap.scope === `sub-app/${subAppId}`);
    if (concerned && cap.leftUsd < plan.estimatedUsd) {
      output.say(`The cap ${cap.scope}/${cap.period} leaves ${usd(cap.leftUsd)} USD: what passes it will be held.`);
    }
  }
}

async function tellProblems(output: Output, { problems }: PricedPlan, staging: BatchStaging): Promise<void> {
  if (problems === 0) return;
  output.say(`${problems} ${problems === 1 ? 'row is' : 'rows are'} bad:`);
  for await (const page of staging.problems(SHOWN_PROBLEMS)) {
    for (const { row, fileId, problem } of page) {
      output.say(
        `  ${[row === null ? '' : `row ${row}`, visible(fileId ?? '')].filter(Boolean).join(', ')}: ${problem}`,
      );
    }
    break;
  }
  if (problems > SHOWN_PROBLEMS) output.say(`  … and ${problems - SHOWN_PROBLEMS} more; all of them with -o json.`);
}

/** Written page by page: a plan may have as many problems as a file has rows. */
async function writeJson(output: Output, plan: PricedPlan, staging: BatchStaging): Promise<void> {
  const { problems: problemCount, ...rest } = plan;
  const head = { ...rest, problemCount };
  if (output.format === 'jsonl') {
    for await (const page of staging.problems(PROBLEM_PAGE)) for (const problem of page) output.line(problem);
    output.line(head);
    return;
  }
  output.jsonText(`${JSON.stringify(head, null, 2).slice(0, -2)},\n  "problems": [`);
  let before: RowProblem | null = null;
  for await (const page of staging.problems(PROBLEM_PAGE)) {
    for (const problem of page) {
      if (before !== null) output.jsonText(`    ${JSON.stringify(before)},`);
      before = problem;
    }
  }
  if (before !== null) output.jsonText(`    ${JSON.stringify(before)}`);
  output.jsonText('  ]\n}');
}

function paidText({ paidBefore: { done, underWay, lost, rejected }, kept }: PricedPlan): string | null {
  if (done + underWay + lost + rejected === 0) return null;
  const left = kept === 0 ? 'left out' : `${kept} are taken up, at no cost`;
  const refused = rejected === 0 ? '' : `, ${rejected} rejected in review`;
  return `${done} done, ${underWay} under way, ${lost} lost${refused} (${left})`;
}

function lengthText({ durationSeconds, unknownDuration, unknownSize }: PricedPlan): string {
  const notes = [
    ...(unknownDuration === 0 ? [] : [`${unknownDuration} of unknown length, priced as an hour`]),
    ...(unknownSize === 0 ? [] : [`${unknownSize} of unknown size, priced as 4K`]),
  ];
  return [durationText(durationSeconds), ...notes].join('; ');
}

/** `1 h 27 min`, `40 s`. */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor((minutes % 1_440) / 60)];
  return days > 0 ? `${days} d ${hours} h` : `${hours} h ${minutes % 60} min`;
}

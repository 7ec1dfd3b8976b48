import { visible } from '../../contract/visible.js';
import type { BatchStaging, RowProblem } from '../../ledger/batches/batch-staging.js';
import type { Ledger } from '../../ledger/index.js';
import type { Unfit } from '../../tencent-vod/fitness.js';
import { durationText } from '../duration-text.js';
import { tellOtherPrices } from '../other-prices.js';
import type { Column, Output } from '../output.js';
import type { PricedPlan } from './load.js';

/** Problems listed in a table; `-o json` lists all. */
const SHOWN_PROBLEMS = 50;
const PROBLEM_PAGE = 1_000;
/** Rows of one kind that a plan lists. */
const NAMED = 20;

const usd = (amount: number) => amount.toFixed(2);

export const PLAN_COLUMNS: readonly Column<PricedPlan>[] = [
  { heading: 'Source', of: ({ source }) => source.name },
  { heading: 'SHA-256', of: ({ source }) => source.sha256 },
  { heading: 'Rows', of: ({ source }) => source.rows },
  { heading: 'Bad rows', of: ({ problems }) => problems || null },
  { heading: 'Duplicates', of: ({ duplicates }) => duplicates || null },
  { heading: 'Paid for before', of: paidText },
  { heading: 'Paid for, failed', of: failedText },
  {
    heading: 'Own results',
    of: ({ ownResults }) => (ownResults ? `${ownResults} files that earlier erases made` : null),
  },
  { heading: 'Not fit', of: unfitText },
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

/** Prints the plan on stdout and the remarks on stderr. */
export async function showPlan(output: Output, plan: PricedPlan, staging: BatchStaging): Promise<void> {
  if (output.format === 'table') {
    output.one(plan, PLAN_COLUMNS);
    await tellProblems(output, plan, staging);
  } else {
    await writeJson(output, plan, staging);
  }
}

/** Remarks that are not problems. */
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
  tellLeftOut(output, plan);
  tellPaidOtherwise(output, plan);
  if (plan.namedResults > 0) {
    const { namedResults: count } = plan;
    output.say(
      `${count} of these files ${count === 1 ? 'is a result' : 'are results'} of earlier erases: each is erased, and paid for, once more.`,
    );
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
  for (const cap of await ledger.caps.list()) {
    const concerned = cap.scope === 'all' || plan.bySubApp.some(({ subAppId }) => cap.scope === `sub-app/${subAppId}`);
    if (concerned && cap.leftUsd < plan.estimatedUsd) {
      output.say(`The cap ${cap.scope}/${cap.period} leaves ${usd(cap.leftUsd)} USD: what passes it will be held.`);
    }
  }
}

/** Uses the same names as a redrive. */
function tellLeftOut(output: Output, { paidBefore: { failed, lost, rejected }, paidAgain, leftOut }: PricedPlan): void {
  const dropped = failed - paidAgain;
  if (dropped > 0) {
    output.say(
      `${dropped} ${dropped === 1 ? 'was' : 'were'} paid for, and the task failed: left out, as a further run pays once more. ` +
        'To pay again: --pay-again --reason "…", or smart-erase batch redrive of the batch that has them.',
    );
  }
  if (paidAgain > 0) {
    output.say(`${paidAgain} ${paidAgain === 1 ? 'was' : 'were'} paid for, and the task failed: paid for once more.`);
  }
  for (const { row, fileId, kind, taskId } of leftOut) {
    output.say(
      `  ${row === null ? '' : `row ${row}  `}${fileId}  ${LEFT_OUT_MEANING[kind]}  ${taskId ?? ''}`.trimEnd(),
    );
  }
  const all = dropped + lost + rejected;
  if (leftOut.length >= NAMED && all > leftOut.length) output.say(`  … and ${all - leftOut.length} more`);
}

const LEFT_OUT_MEANING: Readonly<Record<PricedPlan['leftOut'][number]['kind'], string>> = {
  failed: 'paid for, and the task failed',
  lost: 'paid for, and the result is lost',
  rejected: 'paid for, and the result was rejected in review',
};

/** A file paid for with other options, for example areas lost in editing, is paid for again. */
function tellPaidOtherwise(output: Output, { paidOtherwise: { items, sameRecipe, first } }: PricedPlan): void {
  if (items === 0) return;
  const same = sameRecipe === 0 ? '' : `, ${sameRecipe} of them by the same recipe with other options`;
  output.say(
    `Beware: ${items} of these files ${items === 1 ? 'was' : 'were'} paid for before by another recipe or with other options${same}. ` +
      'Each makes one more new file, and is one more payment.',
  );
  for (const { row, fileId, recipe, before } of first) {
    const then = before === recipe ? `${recipe} with other options` : (before ?? 'another recipe');
    output.say(`  ${row === null ? '' : `row ${row}  `}${fileId}  ${recipe}; before: ${then}`);
  }
  if (items > first.length) output.say(`  … and ${items - first.length} more`);
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

/** Written page by page: a plan may have one problem for each row. */
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

function failedText({ paidBefore: { failed }, paidAgain }: PricedPlan): string | null {
  if (failed === 0) return null;
  return `${failed} (${paidAgain === 0 ? 'left out' : 'paid for once more'})`;
}

const UNFIT_WORD: Readonly<Record<Unfit, string>> = {
  audio: 'audio',
  image: 'images',
  noVideo: 'without a video stream',
  archived: 'archived (--allow-archived takes what was restored for a time)',
  forbidden: 'blocked',
};

function unfitText({ unfit }: PricedPlan): string | null {
  const parts = Object.entries(unfit).map(([reason, files]) => `${files} ${UNFIT_WORD[reason as Unfit]}`);
  return parts.length === 0 ? null : `${parts.join(', ')}: left out`;
}

function lengthText({ durationSeconds, unknownDuration, unknownSize }: PricedPlan): string {
  const notes = [
    ...(unknownDuration === 0 ? [] : [`${unknownDuration} of unknown length, priced as an hour`]),
    ...(unknownSize === 0 ? [] : [`${unknownSize} of unknown size, priced as 4K`]),
  ];
  return [durationText(durationSeconds), ...notes].join('; ');
}

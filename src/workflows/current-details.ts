import { ERROR_CLASSES } from '../contract/error-classes.js';
import type { EraseFailureDetails, EraseStatus, Expectation } from '../contract/request.js';
import { asCode, BLANK_LAST_LINE, inTable } from '../contract/ui-markdown.js';

/**
 * The run's "current details" in the Temporal UI: a Markdown table, then why it stopped: `outcome` of a failed or cancelled run,
 * or its hold.
 */
export function currentDetails(status: EraseStatus, outcome: EraseFailureDetails | null = null): string {
  // Values are already Markdown.
  const rows: [string, string | null][] = [
    ['Phase', status.phase],
    ['Waits for', waitsFor(status)],
    ['Source FileId', code(status.fileId)],
    ['Result FileId', code(status.resultFileId)],
    ['Watch', watch(status.review)],
    ['TaskId', code(status.taskId)],
    ['Submitted at', status.submittedAt],
    ['Deadline', status.deadlineAt],
    ['Paid by', paidBy(status, outcome)],
  ];
  const lines = ['| | |', '| --- | --- |'];
  for (const [name, value] of rows) if (value !== null) lines.push(`| ${name} | ${value} |`);
  if (status.review !== null) lines.push('', ...reviewLines(status.review));
  if (status.held !== null) lines.push('', ...heldLines(status.held));
  if (outcome !== null) lines.push('', ...outcomeLines(outcome));
  return lines.join('\n') + BLANK_LAST_LINE;
}

/** Omits what other rows show: a long cell makes all of them wrap. */
function waitsFor({ held, review, waitingFor, taskId }: EraseStatus): string | null {
  if (held !== null) return 'an operator';
  if (review !== null) return 'a reviewer';
  return waitingFor === null ? null : inTable(waitingFor.replace(`task ${taskId}`, 'the task'));
}

function paidBy(status: EraseStatus, outcome: EraseFailureDetails | null): string | null {
  if (outcome !== null && !outcome.moneySpent) return 'nobody: nothing was spent';
  if (status.taskId === null) return null;
  return status.reused ? 'an earlier run' : 'this run';
}

function heldLines(held: NonNullable<EraseStatus['held']>): string[] {
  return [
    `**Held since ${held.since}** (${kind(held)}): ${inTable(held.message)}`,
    '',
    `**What to do:** ${ERROR_CLASSES[held.class].advice}`,
    '',
    'End the hold by the update `retry`, `skip` or `abort`. As it stands here, only this hold is decided:',
    '',
    ...argument(expectationOf(held)),
  ];
}

function expectationOf({ runId, class: errorClass, submission, since }: NonNullable<EraseStatus['held']>): Expectation {
  return { runId, class: errorClass, submission, since };
}

/** The complete argument of the update, for copying. */
function argument(expect: Expectation): string[] {
  return ['```json', JSON.stringify({ by: '…', reason: '…', expect }), '```'];
}

/** Links to both videos. */
function watch(review: EraseStatus['review']): string | null {
  if (review === null) return null;
  const links = [link('source', review.source.url), link('result', review.result.url)].filter((each) => each !== null);
  return links.length === 0 ? null : links.join(' and ');
}

function link(text: string, url: string | null): string | null {
  if (url === null) return null;
  return `[${text}](<${url.replace(/[<>|\s\\]|\p{Cf}/gu, encodeURIComponent)}>)`;
}

function reviewLines({
  since,
  timeoutAt,
  onTimeout,
  overdue,
  note,
  runId,
  taskId,
}: NonNullable<EraseStatus['review']>): string[] {
  const then =
    onTimeout === 'hold' ? 'it stays in review' : onTimeout === 'approve' ? 'it is approved' : 'it is rejected';
  const when = overdue ? `It is overdue since ${timeoutAt}.` : `Without a decision by ${timeoutAt} ${then}.`;
  return [
    `**In review since ${since}.** ${when}`,
    ...(note === null ? [] : ['', inTable(note)]),
    '',
    'A link that answers 403 is protected, or has expired: open the files in the VOD console by their FileIds.',
    '',
    'Decide by the update `approve` or `reject`; with `"retryWith": {"name": "…"}`, a recipe, `reject` starts an erase by ' +
      'that recipe. As it stands here, only this result is decided about:',
    '',
    ...argument({ runId, taskId }),
    '',
    'Side by side: `smart-erase review page --all --out review.html`.',
  ];
}

function outcomeLines(outcome: EraseFailureDetails): string[] {
  const title = outcome.class === 'cancelled' ? 'Cancelled' : 'Failed';
  return [
    `**${title}** (${kind(outcome)}): ${inTable(outcome.message)}`,
    '',
    `**What to do:** ${ERROR_CLASSES[outcome.class].advice}`,
  ];
}

function kind(of: { class: string; code: string | null }): string {
  return of.code === null ? of.class : `${of.class}, ${asCode(of.code)}`;
}

function code(value: string | null): string | null {
  return value === null ? null : asCode(value);
}

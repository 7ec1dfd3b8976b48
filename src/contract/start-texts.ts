/** Texts of the Temporal UI, set at the start of a run. */
import type { NormalizedEraseRequest } from './request.js';
import { visibleText } from './text.js';
import { BLANK_LAST_LINE } from './ui-markdown.js';

/** A line of Markdown for lists of runs; Temporal allows 400 bytes. */
export function summaryOf(request: NormalizedEraseRequest): string {
  return `${inert(request.recipe.name, 40)} on ${inert(request.fileId, 40)}`;
}

/** The request in Markdown, for the page of the run. */
export function detailsOf(request: NormalizedEraseRequest): string {
  const lines = [
    `**Erase** \`${inert(request.recipe.name, 40)}\``,
    '',
    `- Source file: \`${inert(request.fileId, 40)}\``,
    `- Sub-application: \`${request.subAppId}\``,
    `- Publish: ${request.publish === undefined ? 'no' : 'yes'}`,
  ];
  if (request.review !== undefined)
    lines.push(`- Review: within ${request.review.timeoutHours} hours, else ${request.review.onTimeout}`);
  if (request.rejectedFrom !== undefined)
    lines.push(`- Instead of the rejected erase: ${inert(request.rejectedFrom, 1_000)}`);
  if (request.requestedBy !== undefined) lines.push(`- Asked for by: ${inert(request.requestedBy, 200)}`);
  if (request.batchId !== undefined) lines.push(`- Batch: ${inert(request.batchId, 200)}`);
  if (request.payAgain !== undefined) lines.push(`- Pays again: ${inert(request.payAgain.reason, 500)}`);
  return lines.join('\n') + BLANK_LAST_LINE;
}

/** A caller's text as one line, escaped for Markdown. */
function inert(text: string, maxLength: number): string {
  const line = visibleText(text.replace(/\s+/g, ' ').slice(0, maxLength));
  return line.replace(/[\\`*_{}[\]<>()#+!|~]/g, '\\$&');
}

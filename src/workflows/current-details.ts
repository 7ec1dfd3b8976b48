import type { EraseStatus } from '../contract/request.js';

/** The run as the Temporal UI shows it under "current details": Markdown, a table of what is known. */
export function currentDetails(status: EraseStatus): string {
  const rows: [string, string | null][] = [
    ['Phase', status.phase],
    ['Waits for', status.waitingFor],
    ['Source FileId', code(status.fileId)],
    ['Result FileId', code(status.resultFileId)],
    ['TaskId', code(status.taskId)],
    ['Submitted at', status.submittedAt],
    ['Deadline', status.deadlineAt],
    ['Paid by', status.taskId === null ? null : status.reused ? 'an earlier run' : 'this run'],
  ];
  const lines = ['| | |', '| --- | --- |'];
  for (const [name, value] of rows) if (value !== null) lines.push(`| ${name} | ${escaped(value)} |`);
  if (status.held !== null) {
    const { held } = status;
    lines.push(
      '',
      `**Held since ${held.since}** (${held.class}${held.code === null ? '' : `, ${held.code}`}): ${escaped(held.message)}`,
      '',
      'End the hold by the update `retry`, `skip` or `abort` with `{"by": "…", "reason": "…"}`.',
    );
  }
  return lines.join('\n');
}

function code(value: string | null): string | null {
  return value === null ? null : `\`${value}\``;
}

/** A vendor's text must not break the table. */
function escaped(text: string): string {
  return text.replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ');
}

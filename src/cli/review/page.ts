import { createHash } from 'node:crypto';
import type { ReviewStatus } from '../../client.js';
import { visibleText } from '../../contract/text.js';
import { PAGE_SCRIPT } from './page-script.js';
import { PAGE_STYLE } from './page-style.js';

export interface ReviewedErase {
  workflowId: string;
  review: ReviewStatus;
  /** For viewing only, without commands for a decision. */
  trial?: true;
}

/**
 * One HTML file that plays source and result of each erase side by side. Its Content-Security-Policy lets the browser load only
 * the videos and run only our script, whatever foreign text it contains.
 */
export function reviewPage(erases: readonly ReviewedErase[], madeAt: Date): string {
  const scriptHash = createHash('sha256').update(PAGE_SCRIPT, 'utf8').digest('base64');
  const policy = [
    "default-src 'none'",
    'media-src http: https:',
    "style-src 'unsafe-inline'",
    `script-src 'sha256-${scriptHash}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${text(policy)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Review of ${count(erases.length)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1>Review of ${count(erases.length)}</h1>
<p>As of ${text(madeAt.toISOString())}. Left the source, right the result. <kbd>space</kbd> play or pause ·
<kbd>,</kbd> <kbd>.</kbd> one frame · <kbd>←</kbd> <kbd>→</kbd> one second · <kbd>Home</kbd> <kbd>End</kbd> ·
<kbd>n</kbd> <kbd>p</kbd> next, previous erase</p>
</header>
<main>
${erases.map(section).join('\n')}
</main>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

function count(erases: number): string {
  return erases === 1 ? '1 erase' : `${erases} erases`;
}

function section({ workflowId, review, trial }: ReviewedErase): string {
  const { recipe, runId, taskId, since, timeoutAt, onTimeout, overdue, note } = review;
  const { name, ...options } = recipe;
  const facts: [string, string][] = [
    ['Recipe', Object.keys(options).length === 0 ? name : `${name} ${JSON.stringify(options)}`],
    ['TaskId', taskId],
  ];
  if (!trial) {
    const without = overdue ? `overdue since ${timeoutAt}` : `${WITHOUT_DECISION[onTimeout]} ${timeoutAt}`;
    facts.push(['In review since', since], ['Without a decision', without]);
  }
  // Bound to the run shown: after a reset, the id has another run, perhaps with another result.
  const erase = shellWord(workflowId) + (runId === undefined ? '' : ` --run ${shellWord(runId)}`);
  const decisions = [
    `smart-erase review approve ${erase} --reason 'looks right'`,
    `smart-erase review reject ${erase} --reason 'say what is wrong'`,
    `smart-erase review reject ${erase} --reason 'say what is wrong' --retry-with RECIPE`,
  ];
  const commands = trial ? [] : decisions;
  return `<section class="erase" data-workflow="${text(workflowId)}">
<h2>${text(workflowId)}</h2>
${note === null ? '' : `<p class="note">${text(note)}</p>\n`}<div class="pair">
${figure('Source', review.source)}
${figure('Result', review.result)}
</div>
<div class="controls">
<button type="button" data-play>Play</button>
<button type="button" data-back title="one frame back">◂ frame</button>
<button type="button" data-forward title="one frame on">frame ▸</button>
<input type="range" data-bar aria-label="position" min="0" max="1" step="any" value="0">
<output data-time>00:00.00 / 00:00.00</output>
<select data-speed aria-label="speed"><option value="0.25">¼×</option><option value="0.5">½×</option><option value="1" selected>1×</option><option value="2">2×</option></select>
</div>
<dl>
${facts.map(([key, value]) => `<dt>${text(key)}</dt><dd>${text(value)}</dd>`).join('\n')}
</dl>
${commands.map((command) => `<div class="command"><pre>${text(command)}</pre><button type="button" data-copy>Copy</button></div>`).join('\n')}
</section>`;
}

const WITHOUT_DECISION: Record<ReviewStatus['onTimeout'], string> = {
  approve: 'it is approved at',
  reject: 'it is rejected at',
  hold: 'it stays in review after',
};

function figure(title: string, { fileId, url }: ReviewStatus['source']): string {
  const watchable = url !== null && /^https?:\/\//.test(url) ? url : null;
  const where = fileId === null ? 'no new media' : `FileId <code>${text(fileId)}</code>`;
  const open = watchable === null ? '' : ` · <a href="${text(watchable)}" target="_blank" rel="noopener">open</a>`;
  const problem =
    watchable === null
      ? `The vendor told no URL. Open ${fileId === null ? 'the task' : `FileId ${text(fileId)}`} in the VOD console.`
      : `This video cannot be loaded: its URL is protected (HTTP 403), has expired, or is not a video that this browser plays.
Open ${fileId === null ? 'the task' : `FileId ${text(fileId)}`} in the VOD console.`;
  return `<figure${watchable === null ? ' class="failed"' : ''}>
<figcaption><strong>${text(title)}</strong><span>${where}${open}</span></figcaption>
<div class="frame"><video muted playsinline preload="auto"${watchable === null ? '' : ` data-src="${text(watchable)}"`}></video>
<p class="problem" role="alert">${problem}</p></div>
</figure>`;
}

/** Escapes for element text and quoted attributes; invisible and direction characters become escapes. */
function text(value: string): string {
  return visibleText(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** One word for a POSIX shell; with invisible characters, for bash and zsh. */
function shellWord(value: string): string {
  if (visibleText(value) !== value) return `$'${visibleText(value.replace(/[\\']/g, '\\$&'))}'`;
  return /^[\w./:@%+=,-]+$/.test(value) && !value.startsWith('-') ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

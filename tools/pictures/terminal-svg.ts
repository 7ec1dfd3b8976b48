import type { Frame, Run } from './terminal.js';

/** In pixels. A letter is as wide as in most fonts of one width; each run is stretched to fit, so any of them will do. */
const LETTER_PX = 8.4;
const LINE_PX = 19;
const FONT_PX = 14;
const MARGIN_PX = 16;
/** Nothing moves: shown no longer than this, in milliseconds, so that nobody waits. */
const LONGEST_PAUSE_MS = 1_800;
/** All of it takes no longer than this, in milliseconds; a machine that is busy would make it longer. */
const LONGEST_MS = 32_000;
/** How long the end is shown before it begins again, in milliseconds. */
const LAST_MS = 6_000;
const FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', 'DejaVu Sans Mono', monospace";
const INK = '#1f2328';
/** ANSI's 16 colours, on white. */
const COLORS = [
  ...['#1f2328', '#b91c1c', '#15803d', '#92600a', '#1d4ed8', '#86198f', '#0e7490', '#57606a'],
  ...['#57606a', '#dc2626', '#16a34a', '#a16207', '#2563eb', '#a21caf', '#0891b2', '#8c959f'],
];

/** A recording as one SVG that plays by itself, over and over, in any browser; where nothing may move it shows the end. */
export function terminalSvg(frames: readonly Frame[], columns: number, title: string): string {
  const lineCount = Math.max(...frames.map(({ rows }) => rows.findLastIndex((row) => row.length > 0) + 1));
  const innerWidth = px(columns * LETTER_PX);
  const innerHeight = lineCount * LINE_PX;
  const [width, height] = [px(innerWidth + 2 * MARGIN_PX), innerHeight + 2 * MARGIN_PX];
  const lines = new Map<string, string>();
  const lineId = (row: readonly Run[]): string => {
    const drawn = drawLine(row);
    const id = lines.get(drawn) ?? `l${lines.size}`;
    lines.set(drawn, id);
    return id;
  };
  const drawn = frames.map(({ rows }, at) => {
    const uses = rows.flatMap((row, line) =>
      row.length === 0 ? [] : [`<use href="#${lineId(row)}" y="${line * LINE_PX}"/>`],
    );
    return `<g transform="translate(0 ${at * innerHeight})">${uses.join('')}</g>`;
  });
  const defined = [...lines].map(([line, id]) => `<g id="${id}">${line}</g>`);
  const { keyframes, totalMs } = timeline(frames, innerHeight);
  const end = `translateY(-${(frames.length - 1) * innerHeight}px)`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>
text { font: ${FONT_PX}px ${FONTS}; fill: ${INK}; white-space: pre; }
.b { font-weight: bold; }
.d { opacity: 0.6; }
.film { transform: ${end}; animation: play ${totalMs}ms step-end infinite; }
@keyframes play { ${keyframes} }
@media (prefers-reduced-motion: reduce) { .film { animation: none; } }
</style>
<defs>
${defined.join('\n')}
</defs>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="#ffffff" stroke="#d0d7de"/>
<svg x="${MARGIN_PX}" y="${MARGIN_PX}" width="${innerWidth}" height="${innerHeight}" overflow="hidden">
<g class="film">
${drawn.join('\n')}
</g>
</svg>
</svg>
`;
}

/** Which part of the film stands in the window when. */
function timeline(frames: readonly Frame[], heightPx: number): { keyframes: string; totalMs: number } {
  const pausesMs = frames.slice(1).map(({ atMs }, at) => Math.min(atMs - (frames[at]?.atMs ?? 0), LONGEST_PAUSE_MS));
  const faster = Math.min(1, LONGEST_MS / pausesMs.reduce((sum, ms) => sum + ms, 0));
  const shownMs = [...pausesMs.map((ms) => Math.round(ms * faster)), LAST_MS];
  const totalMs = shownMs.reduce((sum, ms) => sum + ms, 0);
  let begun = 0;
  const keyframes = shownMs.map((ms, at) => {
    const percent = ((begun / totalMs) * 100).toFixed(3);
    begun += ms;
    return `${percent}% { transform: translateY(-${at * heightPx}px); }`;
  });
  return { keyframes: keyframes.join(' '), totalMs };
}

function drawLine(row: readonly Run[]): string {
  let column = 0;
  const texts = row.map(({ text, bold, dim, color }) => {
    const letters = [...text].length;
    const x = px(column * LETTER_PX);
    column += letters;
    if (text.trim() === '') return '';
    const classes = [bold ? 'b' : '', dim ? 'd' : ''].filter((name) => name !== '').join(' ');
    const attributes = [
      `x="${x}" y="${FONT_PX}" textLength="${px(letters * LETTER_PX)}" lengthAdjust="spacingAndGlyphs"`,
      ...(classes === '' ? [] : [`class="${classes}"`]),
      ...(color === null ? [] : [`style="fill: ${COLORS[color]}"`]),
    ];
    return `<text ${attributes.join(' ')}>${escaped(text)}</text>`;
  });
  return texts.join('');
}

function px(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

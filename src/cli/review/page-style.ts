/** Styles of the review page: light or dark by the browser's setting, without external fonts or pictures. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --line: #8885; --accent: #2563eb; --bad: #b91c1c; }
@media (prefers-color-scheme: dark) { :root { --accent: #60a5fa; --bad: #f87171; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1600px; padding: 0 1rem 4rem; font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 1rem 0 .25rem; }
h2 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
kbd { border: 1px solid var(--line); border-radius: 3px; padding: 0 .3em; font: .85em ui-monospace, monospace; }
code, pre { font: .85rem/1.4 ui-monospace, monospace; }
.erase { border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 1rem 0; scroll-margin: 1rem; }
.erase.current { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
figure { margin: 0; min-width: 0; }
figcaption { display: flex; gap: .5rem; justify-content: space-between; flex-wrap: wrap; margin-bottom: .25rem; }
.frame { position: relative; background: #000; aspect-ratio: 16 / 9; border-radius: 4px; overflow: hidden; }
.frame video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
.problem { position: absolute; inset: 0; display: none; place-content: center; margin: 0; padding: 1rem; text-align: center;
  background: #1c1917; color: #fecaca; overflow-wrap: anywhere; }
.failed .problem { display: grid; }
.problem a { color: inherit; }
.controls { display: flex; gap: .5rem; align-items: center; margin: .5rem 0; flex-wrap: wrap; }
.controls input[type=range] { flex: 1 1 12rem; accent-color: var(--accent); }
.controls output { font-variant-numeric: tabular-nums; min-width: 9.5em; text-align: right; }
button, select { font: inherit; padding: .15rem .6rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .75rem; margin: .5rem 0; }
dt { opacity: .7; }
dd { margin: 0; overflow-wrap: anywhere; }
.command { display: flex; gap: .5rem; align-items: start; margin: .25rem 0; }
.command pre { flex: 1; margin: 0; padding: .35rem .5rem; border: 1px solid var(--line); border-radius: 4px; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.note { color: var(--bad); }
@media (max-width: 700px) { .pair { grid-template-columns: 1fr; } }
`;

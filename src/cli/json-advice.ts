/** How a file is named so that every shell passes it on: PowerShell takes a bare `@name` for something of its own. */
const QUOTED_FILE = "'@file.json'";

/** An option that is not JSON, told by what a shell made of it before it came here; the first that fits. */
const MANGLED: readonly [shape: RegExp, what: string][] = [
  // {prefetch:true}
  [/^\s*\{(?=[^"]*$).*[\w.-]+\s*:/s, 'The quotes inside are gone: Windows PowerShell takes them away'],
  // {\"prefetch\":true}
  [/^\s*\{\s*\\"/, 'Its quotes came with backslashes before them, which your shell left there'],
  // '{"prefetch":true}'
  [/^\s*'/, 'It came with the single quotes around it, which cmd.exe does not take away'],
  // The next option of the line: a bare @file was taken out.
  [/^-/, 'Nothing was left for it: PowerShell takes away a bare @file'],
];

/**
 * What to do about an option's value that is not JSON. Where a shell has taken something away, only a file helps.
 * @param option as it was written: `--publish`
 * @param text the value as it came
 */
export function jsonAdvice(option: string, text: string): string {
  const file = `put it into a file, and name that with quotes: ${option} ${QUOTED_FILE}`;
  const mangled = MANGLED.find(([shape]) => shape.test(text));
  if (mangled !== undefined) return `${mangled[1]}. So ${file}`;
  return `Quote it for your shell: ${option} '{"key": "value"}', or ${file}`;
}

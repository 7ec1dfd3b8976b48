/** Quoted so that every shell passes it on: PowerShell interprets a bare `@name`. */
const QUOTED_FILE = "'@file.json'";

/** Patterns of values that a shell has changed before they arrived; the first match wins. */
const MANGLED: readonly [shape: RegExp, what: string][] = [
  // {prefetch:true}
  [/^\s*\{(?=[^"]*$).*[\w.-]+\s*:/s, 'The quotes inside are gone: Windows PowerShell takes them away'],
  // {\"prefetch\":true}
  [/^\s*\{\s*\\"/, 'Its quotes came with backslashes before them, which your shell left there'],
  // '{"prefetch":true}'
  [/^\s*'/, 'It came with the single quotes around it, which cmd.exe does not take away'],
  // The next option on the line: PowerShell removed a bare @file.
  [/^-/, 'Nothing was left for it: PowerShell takes away a bare @file'],
];

/**
 * Advice for an option whose value is not JSON. Where a shell has removed characters, only a file works.
 * @param option as typed: `--publish`
 * @param text the value as received
 */
export function jsonAdvice(option: string, text: string): string {
  const file = `put it into a file, and name that with quotes: ${option} ${QUOTED_FILE}`;
  const mangled = MANGLED.find(([shape]) => shape.test(text));
  if (mangled !== undefined) return `${mangled[1]}. So ${file}`;
  return `Quote it for your shell: ${option} '{"key": "value"}', or ${file}`;
}

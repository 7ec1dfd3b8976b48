/** A command's words, as a shell splits them: quotes group, and are left out. */
export function words(text: string): string[] {
  const found = [...text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)];
  return found.map(([word]) => word.replace(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single));
}

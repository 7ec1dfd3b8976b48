/**
 * Blocks of a guide that this program writes: a marker, and under it a fenced block with a command and what it printed.
 *
 *     <!-- shown: plan -->
 *     ```console
 *     $ smart-erase batch plan …
 *     ```
 */
const BLOCK = /(<!-- shown: ([\w-]+) -->\n```console\n)([\s\S]*?)(```)/g;

/** The names of the blocks that stand there, in their order. */
export function blocksIn(page: string): string[] {
  return [...page.matchAll(BLOCK)].map(([, , name = '']) => name);
}

/** The page with these blocks' content in place of what stood there. @throws Error when there is a block of another name */
export function withBlocks(page: string, contents: Readonly<Record<string, string>>): string {
  return page.replace(BLOCK, (_, head: string, name: string, __, tail: string) => {
    const content = contents[name];
    if (content === undefined) throw new Error(`Nothing makes the block "${name}": correct the name in its marker.`);
    return `${head}${content.trimEnd()}\n${tail}`;
  });
}

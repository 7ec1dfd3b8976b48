import type { SourceError } from './source.js';

/**
 * Splits text into its lines, without their ends: `\n`, `\r\n` or `\r`, as each comes.
 * @throws what `tooLong` makes for a line of more than `maxLength` characters: it is not what it is taken for
 */
export async function* linesOf(
  text: AsyncIterable<string>,
  maxLength: number,
  tooLong: (line: number) => SourceError,
): AsyncGenerator<string, void, undefined> {
  let rest = '';
  let number = 1;
  for await (const chunk of text) {
    // The other half of `\r\n` may come with the next chunk.
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.length > maxLength) throw tooLong(number);
      yield line;
      number += 1;
    }
    if (rest.length > maxLength) throw tooLong(number);
  }
  if (rest !== '') yield rest.endsWith('\r') ? rest.slice(0, -1) : rest;
}

import type { SourceError } from './source.js';

/**
 * Splits text into lines without their ends: `\n`, `\r\n` or `\r`, also mixed.
 * @throws the error of `tooLong` for a line of more than `maxLength` characters
 */
export async function* linesOf(
  text: AsyncIterable<string>,
  maxLength: number,
  tooLong: (line: number) => SourceError,
): AsyncGenerator<string, void, undefined> {
  let rest = '';
  let number = 1;
  for await (const chunk of text) {
    // The second half of `\r\n` may be in the next chunk.
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

import { SourceError } from './source.js';

/**
 * Splits text into its lines, without their ends (`\n` or `\r\n`).
 * @throws SourceError when a line is longer than `maxLength` characters: it is not what it is taken for
 */
export async function* linesOf(
  text: AsyncIterable<string>,
  maxLength: number,
): AsyncGenerator<string, void, undefined> {
  let rest = '';
  let number = 1;
  for await (const chunk of text) {
    rest += chunk;
    let from = 0;
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n', from)) {
      yield rest.slice(from, rest[end - 1] === '\r' && end > from ? end - 1 : end);
      number += 1;
      from = end + 1;
    }
    rest = rest.slice(from);
    if (rest.length > maxLength) {
      throw new SourceError(
        'input',
        `Line ${number} has more than ${maxLength} characters.`,
        'Write one request a line.',
      );
    }
  }
  if (rest !== '') yield rest.endsWith('\r') ? rest.slice(0, -1) : rest;
}

import { pathText } from '../contract/problem.js';
import { visible } from '../contract/visible.js';

/** Unacceptable JSON; the message is the end of a sentence that names it: `is not JSON: …`. */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
  constructor(
    message: string,
    /** Numbers that would lose digits, by path, as written. */
    readonly longNumbers: ReadonlyMap<string, string> = new Map(),
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/**
 * Parses JSON written by a person. Besides invalid JSON, refuses duplicate names in one object, numbers that lose digits, and
 * U+FFFD, which shows text broken earlier.
 * @throws JsonTextError
 */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const said = visible(error instanceof Error ? error.message : String(error));
    throw new JsonTextError(`is not JSON: ${said}.`, undefined, { cause: error });
  }
  const { problems, longNumbers } = looked(text);
  if (problems.length > 0) throw new JsonTextError(`${problems.join('; ')}.`, longNumbers);
  return value;
}

/** An open object or list. */
interface Level {
  names: Set<string> | null;
  /** Current name or index. */
  at: string | number;
}

/** Scans text that is valid JSON. */
function looked(text: string): { problems: string[]; longNumbers: Map<string, string> } {
  const problems: string[] = [];
  const longNumbers = new Map<string, string>();
  const levels: Level[] = [];
  let name: string | null = null;
  for (const [token] of text.matchAll(TOKEN)) {
    const level = levels.at(-1);
    if (token === '{' || token === '[')
      levels.push(token === '{' ? { names: new Set(), at: '' } : { names: null, at: 0 });
    else if (token === '}' || token === ']') levels.pop();
    else if (token === ',') {
      if (level?.names === null) level.at = Number(level.at) + 1;
    } else if (token === ':') {
      if (level?.names == null || name === null) continue;
      level.at = name;
      if (level.names.has(name)) problems.push(`has ${pathOf(levels)} twice`);
      level.names.add(name);
    } else if (token.startsWith('"')) {
      name = JSON.parse(token) as string;
      if (name.includes('\uFFFD'))
        problems.push(
          `holds U+FFFD (text that was broken before it came here): ${token.slice(0, 60).replaceAll('\uFFFD', '\\ufffd')}`,
        );
    } else if (/^-?\d/.test(token) && Number.isInteger(Number(token)) && !Number.isSafeInteger(Number(token))) {
      longNumbers.set(pathOf(levels), token);
      problems.push(
        `has the number ${token} as ${pathOf(levels) || 'its value'}, which loses digits: ids are strings, "${token}"`,
      );
    }
  }
  return { problems, longNumbers };
}

function pathOf(levels: readonly Level[]): string {
  return pathText(levels.map(({ at }) => at));
}

import { PRICE_LIST, type PriceItem, type PriceList, RESOLUTION } from '../contract/price-list.js';
import { JsonTextError, parseJson } from '../text-file/json.js';
import { readTextFile, TextFileError } from '../text-file/read.js';

const ITEMS = Object.keys(PRICE_LIST) as PriceItem[];
const ROW_KEYS = ['title', 'usdPerMinute'];

/**
 * A custom price list: JSON like `{"subtitleRemoval": {"usdPerMinute": [0.2, 0.4, 0.8, 0.8]}, …}`, with every item of the
 * built-in list, each with USD a minute for 720p, 1080p, 2K and 4K. `title` is optional.
 *
 * @returns the list, or all problems, one sentence each
 */
export function readPriceFile(path: string): { prices: PriceList } | { problems: string[] } {
  let given: unknown;
  try {
    given = parseJson(readTextFile(path).replace(/^\ufeff+/, ''));
  } catch (error) {
    if (!(error instanceof TextFileError || error instanceof JsonTextError)) throw error;
    return { problems: [`the file ${path} ${whyOf(error)}`] };
  }
  if (!isObject(given)) return { problems: [`the file ${path} must hold an object with a row for each item`] };
  const problems: string[] = [];
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(PRICE_LIST, key)) problems.push(`${key} is no item; the items are ${ITEMS.join(', ')}`);
  }
  const prices = Object.fromEntries(
    ITEMS.map((item) => [item, rowOf(item, given[item], problems)]),
  ) as unknown as PriceList;
  return problems.length === 0 ? { prices } : { problems: problems.map((each) => `in ${path}: ${each}`) };
}

function whyOf(error: TextFileError | JsonTextError): string {
  if (error instanceof JsonTextError) return error.message.replace(/\.$/, '');
  if (error.code !== null) return `cannot be read (${error.code})`;
  return error.advice === null ? error.message : `${error.message} (${error.advice})`;
}

function rowOf(item: PriceItem, row: unknown, problems: string[]): PriceList[PriceItem] | undefined {
  if (!isObject(row)) {
    problems.push(`${item} ${row === undefined ? 'is missing' : 'must be an object with usdPerMinute'}`);
    return undefined;
  }
  for (const key of Object.keys(row)) {
    if (!ROW_KEYS.includes(key)) problems.push(`${item}.${key} is not known; a row has ${ROW_KEYS.join(' and ')}`);
  }
  const { title = PRICE_LIST[item].title, usdPerMinute } = row;
  if (typeof title !== 'string') problems.push(`${item}.title must be text`);
  const good =
    Array.isArray(usdPerMinute) &&
    usdPerMinute.length === RESOLUTION.length &&
    usdPerMinute.every((usd) => typeof usd === 'number' && Number.isFinite(usd) && usd >= 0);
  if (!good) {
    problems.push(`${item}.usdPerMinute must be ${RESOLUTION.length} numbers, 0 or more: ${RESOLUTION.join(', ')}`);
    return undefined;
  }
  return { title: String(title), usdPerMinute: usdPerMinute as unknown as PriceList[PriceItem]['usdPerMinute'] };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { type Command, Option } from 'commander';
import type { SharedRequest } from '../../backlog/requests.js';
import type { PublishRequest, ReviewRequest, WebhookRequest } from '../../contract/request.js';
import { InvalidRequestError } from '../../errors.js';
import { recipeOf } from '../erase-requests.js';
import { UsageError } from '../exit.js';
import { jsonArgument } from '../json-argument.js';
import { collect, positiveInteger, positiveNumber, time } from '../option-parsers.js';
import { whoIsHere } from '../who-and-why.js';
import { encoding } from './parse.js';

/** Where the items come from, and their common settings. */
export interface SourceOptions {
  format?: 'csv' | 'ndjson';
  encoding?: string;
  allowPrivateAddress?: boolean;
  library?: boolean;
  classId?: number[];
  tag?: string[];
  name?: string[];
  createdFrom?: Date;
  createdTo?: Date;
  recipe?: string;
  recipeJson?: string;
  publish?: string;
  review?: string;
  webhook?: string;
  subAppId?: number;
  requestedBy?: string;
  deadlineHours?: number;
  allowVariants?: boolean;
  includePaid?: boolean;
  payAgain?: boolean;
  allowArchived?: boolean;
}

export const SOURCE_HELP = `
FILE is CSV, NDJSON (one request a line), - for standard input, or an https:// URL. Columns of CSV: fileId (required), subAppId,
recipe, key, publish (JSON); others are ignored. Without a header the first column holds FileIds. Cells are separated by , ; or
tabs; a cell that holds that, or begins with a quote, has to be in quotes ("…"). It is UTF-8 or UTF-16; others by --encoding. What
a row says wins over the options. Reports of ours are no backlog: batch redrive. Instead of FILE, --library takes the videos that
a search of the media library finds.`;

export function withSourceOptions(command: Command): Command {
  return command
    .argument('[FILE]', 'CSV or NDJSON; - for standard input, or an https:// URL')
    .addOption(
      new Option('--format <format>', 'of FILE (default: told by its name and beginning)').choices(['csv', 'ndjson']),
    )
    .option('--encoding <name>', 'of FILE, such as gb18030 or windows-1252 (default: UTF-8, or UTF-16)', encoding)
    .option('--allow-private-address', 'read also from a URL whose address is not public, or that is http')
    .option('--library', 'take the items from the media library')
    .option('--class-id <id>', 'of the library: in this class (repeat for several)', (text, before?: number[]) => [
      ...(before ?? []),
      positiveInteger(text),
    ])
    .option('--tag <tag>', 'of the library: with this tag (repeat for several)', collect)
    .option('--name <text>', 'of the library: with this in the name (repeat for several)', collect)
    .option('--created-from <time>', 'of the library: created then or later; a day begins in UTC', time)
    .option('--created-to <time>', 'of the library: created then or earlier; a day is its first moment, in UTC', time)
    .option('--recipe <name>', 'what to erase; see `smart-erase recipes`')
    .option("--recipe-json <json|'@file'>", "the recipe's options")
    .option("--publish <json|'@file'>", 'what to do with the new files')
    .option("--review <json|'@file'>", 'wait for a decision on each result, such as {"timeoutHours": 24}')
    .option("--webhook <json|'@file'>", 'who is told of each: {"url": "https://…", "secret": "NAME"}')
    .option('--sub-app-id <number>', 'VOD sub-application (default: VOD_SUB_APP_ID)', positiveInteger)
    .option('--requested-by <who>', 'who asked; kept in the ledger', whoIsHere())
    .option('--deadline-hours <hours>', 'in which each task must end (default: 24)', positiveNumber)
    .option('--allow-variants', 'allow one file with two recipes: two new files, each paid for')
    .option('--include-paid', 'take what was paid for before into the batch as well: taken up, not paid for')
    .option('--pay-again', 'also what was paid for and failed: pays once more for each (`batch start` needs --reason)')
    .option('--allow-archived', 'also files whose storage class is archive: they were restored for a time');
}

/**
 * The settings common to all items. Checked once here, so that a wrong option is one problem instead of one per row.
 * @throws UsageError, InvalidRequestError
 */
export async function sharedRequest(options: SourceOptions): Promise<SharedRequest> {
  const json = (option: string, text: string | undefined) =>
    text === undefined ? undefined : jsonArgument(option, text);
  const given: SharedRequest = {
    subAppId: options.subAppId ?? subAppIdFromEnvironment(),
    recipe: options.recipe === undefined && options.recipeJson === undefined ? undefined : recipeOf(options),
    publish: json('--publish', options.publish) as PublishRequest | undefined,
    review: json('--review', options.review) as ReviewRequest | undefined,
    webhook: json('--webhook', options.webhook) as WebhookRequest | undefined,
    requestedBy: options.requestedBy,
    deadlineHours: options.deadlineHours,
  };
  const shared = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as SharedRequest;
  const { parseEraseRequest } = await import('../../contract/request-schema.js');
  const parsed = parseEraseRequest({ subAppId: 1, recipe: { name: 'logo-basic' }, ...shared, fileId: '1' });
  if (!parsed.ok) throw new InvalidRequestError(parsed.problems.map(({ message }) => message));
  return shared;
}

/** Requires either FILE or --library. @throws UsageError */
export function checkSource(file: string | undefined, options: SourceOptions): void {
  if ((file !== undefined) === (options.library === true)) {
    throw new UsageError('Say where the items come from: FILE, or --library.', 'Not both.');
  }
  const search = options.classId ?? options.tag ?? options.name ?? options.createdFrom ?? options.createdTo;
  if (options.library && options.encoding !== undefined) throw new UsageError('--encoding belongs to FILE.');
  if (search !== undefined && !options.library) {
    throw new UsageError('--class-id, --tag, --name, --created-from and --created-to belong to --library.');
  }
}

function subAppIdFromEnvironment(): number | undefined {
  const text = process.env.VOD_SUB_APP_ID ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

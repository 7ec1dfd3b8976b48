import type { Connection } from '@temporalio/client';
import {
  type Names,
  REQUIRED_SEARCH_ATTRIBUTES,
  SEARCH_ATTRIBUTE,
  type SearchAttributeKey,
} from '../contract/names.js';
import { ConfigurationError } from '../errors.js';
import { GRPC, grpcCode, grpcMessage } from './service-errors.js';

/** Value of `Keyword` in the server's enum IndexedValueType (temporal/api/enums/v1/common.proto). */
const KEYWORD = 2;

/**
 * Keyword attributes that a namespace can have where visibility is in SQL (go.temporal.io/server 1.29,
 * common/searchattribute/defs.go). Elasticsearch takes more, Temporal Cloud forty.
 */
const KEYWORD_SLOTS = 10;

const KEYS = Object.keys(SEARCH_ATTRIBUTE) as SearchAttributeKey[];

/** All that is needed of a client's or a worker's connection. */
export type OperatorConnection = Pick<Connection, 'operatorService'>;

export interface SearchAttributeState {
  /** Registered as Keyword: a run may set these. */
  registered: SearchAttributeKey[];
  missing: SearchAttributeKey[];
  /** How many more of type Keyword the namespace can have where visibility is in SQL; see {@link KEYWORD_SLOTS}. */
  freeKeywordSlots: number;
  /** One sentence for each name that is taken by another type: setting it would block a run for ever. */
  problems: { key: SearchAttributeKey; sentence: string }[];
}

/** What the namespace knows of our search attributes. */
export async function inspectSearchAttributes(
  connection: OperatorConnection,
  namespace: string,
  names: Names,
): Promise<SearchAttributeState> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const keywords = Object.values(customAttributes).filter((type) => type === KEYWORD).length;
  const freeKeywordSlots = Math.max(0, KEYWORD_SLOTS - keywords);
  const state: SearchAttributeState = { registered: [], missing: [], freeKeywordSlots, problems: [] };
  for (const key of KEYS) {
    const name = names.searchAttribute[key];
    const type = Object.hasOwn(customAttributes, name) ? customAttributes[name] : undefined;
    if (type === KEYWORD) state.registered.push(key);
    else if (type === undefined) state.missing.push(key);
    else {
      state.problems.push({
        key,
        sentence:
          `The search attribute ${name} of namespace "${namespace}" is not of type Keyword, so it stays unused; ` +
          'remove it and run `smart-erase setup` to have it.',
      });
    }
  }
  return state;
}

/**
 * Those of our search attributes that a run may set. Where the operator API is closed to us (Temporal Cloud answers so)
 * the answer is none: an attribute that is set without being registered blocks the run.
 */
export async function registeredSearchAttributes(
  connection: OperatorConnection,
  namespace: string,
  names: Names,
): Promise<SearchAttributeKey[]> {
  try {
    return (await inspectSearchAttributes(connection, namespace, names)).registered;
  } catch (error) {
    if (isClosed(error)) return [];
    throw error;
  }
}

/**
 * Registers what is missing of {@link REQUIRED_SEARCH_ATTRIBUTES}, or of all where that is asked for: a namespace of others has
 * few slots. Repeating it changes nothing.
 * @returns the keys that this call registered
 * @throws ConfigurationError that names exactly what to create, when this caller may not, or when there is no slot left
 */
export async function registerSearchAttributes(
  connection: OperatorConnection,
  namespace: string,
  names: Names,
  { all = false }: { all?: boolean } = {},
): Promise<SearchAttributeKey[]> {
  const wanted = all ? KEYS : REQUIRED_SEARCH_ATTRIBUTES;
  const nameOf = (key: SearchAttributeKey) => names.searchAttribute[key];
  let missing: SearchAttributeKey[] = [...wanted];
  const registered: SearchAttributeKey[] = [];
  try {
    const state = await inspectSearchAttributes(connection, namespace, names);
    // One that is not asked for may have any type: it stays unused, and `doctor` says so.
    const problems = state.problems.filter(({ key }) => wanted.includes(key));
    if (problems.length > 0) throw new ConfigurationError(problems.map(({ sentence }) => sentence));
    missing = wanted.filter((key) => state.missing.includes(key));
    for (const key of missing) {
      await add(connection, namespace, nameOf(key));
      registered.push(key);
    }
    return missing;
  } catch (error) {
    const left = missing.filter((key) => !registered.includes(key));
    const toCreate = left.map((key) => `${nameOf(key)} (Keyword)`).join(', ');
    const without = 'Erases run without them; finding them is harder.';
    if (isFull(error)) {
      throw new ConfigurationError(
        [`Namespace "${namespace}" takes no more search attributes, and ${toCreate} is missing: ${grpcMessage(error)}`],
        {
          advice: `Remove one of type Keyword that nobody needs, then run \`smart-erase setup\`. ${without}`,
          cause: error,
        },
      );
    }
    if (!isClosed(error)) throw error;
    throw new ConfigurationError(
      [`This caller may not register search attributes in namespace "${namespace}": ${grpcMessage(error)}`],
      {
        advice: `Have an administrator create ${toCreate}: ${commandsToCreate(namespace, left, names)}. ${without}`,
        cause: error,
      },
    );
  }
}

/** The command that an administrator runs, for a server of one's own and for Temporal Cloud. */
export function commandsToCreate(
  namespace: string,
  keys: readonly SearchAttributeKey[],
  { searchAttribute }: Names,
): string {
  const own = keys.map((key) => `--name ${searchAttribute[key]} --type Keyword`).join(' ');
  const cloud = keys.map((key) => `--sa ${searchAttribute[key]}=Keyword`).join(' ');
  return (
    `\`temporal operator search-attribute create --namespace ${namespace} ${own}\`, ` +
    `or in Temporal Cloud \`tcld namespace search-attributes add --namespace ${namespace} ${cloud}\``
  );
}

/** What a caller may do with search attributes, found out without changing anything. */
export async function mayRegisterSearchAttributes(connection: OperatorConnection, namespace: string): Promise<boolean> {
  try {
    // None at all: a caller who may is told that this makes no sense.
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: {} });
    return true;
  } catch (error) {
    if (isClosed(error)) return false;
    if (grpcCode(error) === GRPC.invalidArgument) return true;
    throw error;
  }
}

async function add(connection: OperatorConnection, namespace: string, name: string): Promise<void> {
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: { [name]: KEYWORD } });
  } catch (error) {
    // Another process registered it between our check and our call.
    if (grpcCode(error) !== GRPC.alreadyExists) throw error;
  }
}

function isClosed(error: unknown): boolean {
  const code = grpcCode(error);
  return code === GRPC.permissionDenied || code === GRPC.unauthenticated || code === GRPC.unimplemented;
}

/** "cannot have more than 10 search attribute of type Keyword": refused as an argument, though nothing is wrong with it. */
function isFull(error: unknown): boolean {
  return grpcCode(error) === GRPC.invalidArgument && grpcMessage(error).includes('cannot have more than');
}

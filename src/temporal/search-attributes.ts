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
 * Maximum Keyword attributes of a namespace with SQL visibility (go.temporal.io/server 1.29, common/searchattribute/defs.go).
 * Elasticsearch allows more, Temporal Cloud forty.
 */
const KEYWORD_SLOTS = 10;

const KEYS = Object.keys(SEARCH_ATTRIBUTE) as SearchAttributeKey[];

/** The required part of a client's or a worker's connection. */
export type OperatorConnection = Pick<Connection, 'operatorService'>;

export interface SearchAttributeState {
  /** Registered as Keyword, so that a run may set these. */
  registered: SearchAttributeKey[];
  missing: SearchAttributeKey[];
  /** Free slots of type Keyword with SQL visibility; see {@link KEYWORD_SLOTS}. */
  freeKeywordSlots: number;
  /** One sentence for each name that has another type: setting it would block a run permanently. */
  problems: { key: SearchAttributeKey; sentence: string }[];
}

/** State of our search attributes in the namespace. */
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
 * Our search attributes that a run may set. None where the operator API is not accessible (Temporal Cloud): setting an
 * unregistered attribute blocks the run.
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
 * Registers the missing ones of {@link REQUIRED_SEARCH_ATTRIBUTES}, or of all on request, since a shared namespace has few slots.
 * Safe to repeat.
 * @returns the keys that this call registered
 * @throws ConfigurationError with the attributes to create, without the right to do so or without a free slot
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
    // An optional attribute may have any type: it stays unused, and `doctor` reports it.
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

/** The administrator's command, for a self-hosted server or for Temporal Cloud. */
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

/** Tests the caller's rights on search attributes without a change. */
export async function mayRegisterSearchAttributes(connection: OperatorConnection, namespace: string): Promise<boolean> {
  try {
    // An empty list: a caller with the right gets an argument error.
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
    // Another process registered it between the check and the call.
    if (grpcCode(error) !== GRPC.alreadyExists) throw error;
  }
}

function isClosed(error: unknown): boolean {
  const code = grpcCode(error);
  return code === GRPC.permissionDenied || code === GRPC.unauthenticated || code === GRPC.unimplemented;
}

/** "cannot have more than 10 search attribute of type Keyword": reported as an invalid argument. */
function isFull(error: unknown): boolean {
  return grpcCode(error) === GRPC.invalidArgument && grpcMessage(error).includes('cannot have more than');
}

import type { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTE, type SearchAttributeKey } from '../contract/names.js';
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
  /** How many more of type Keyword the namespace can have where visibility is in SQL. */
  freeKeywordSlots: number;
  /** One sentence for each name that is taken by another type: setting it would block a run for ever. */
  problems: string[];
}

/** What the namespace knows of our search attributes. */
export async function inspectSearchAttributes(
  connection: OperatorConnection,
  namespace: string,
): Promise<SearchAttributeState> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const keywords = Object.values(customAttributes).filter((type) => type === KEYWORD).length;
  const freeKeywordSlots = Math.max(0, KEYWORD_SLOTS - keywords);
  const state: SearchAttributeState = { registered: [], missing: [], freeKeywordSlots, problems: [] };
  for (const key of KEYS) {
    const name = SEARCH_ATTRIBUTE[key];
    const type = Object.hasOwn(customAttributes, name) ? customAttributes[name] : undefined;
    if (type === KEYWORD) state.registered.push(key);
    else if (type === undefined) state.missing.push(key);
    else {
      state.problems.push(
        `The search attribute ${name} of namespace "${namespace}" is not of type Keyword, so it stays unused; ` +
          'remove it and run `smart-erase setup` to have it.',
      );
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
): Promise<SearchAttributeKey[]> {
  try {
    return (await inspectSearchAttributes(connection, namespace)).registered;
  } catch (error) {
    if (isClosed(error)) return [];
    throw error;
  }
}

/**
 * Registers what is missing; repeating it changes nothing.
 * @returns the keys that this call registered
 * @throws ConfigurationError that names exactly what to create, when this caller may not
 */
export async function registerSearchAttributes(
  connection: OperatorConnection,
  namespace: string,
): Promise<SearchAttributeKey[]> {
  let missing: SearchAttributeKey[] = [...KEYS];
  try {
    const state = await inspectSearchAttributes(connection, namespace);
    if (state.problems.length > 0) throw new ConfigurationError(state.problems);
    missing = state.missing;
    for (const key of missing) {
      await add(connection, namespace, SEARCH_ATTRIBUTE[key]);
    }
    return missing;
  } catch (error) {
    if (!isClosed(error)) throw error;
    const names = missing.map((key) => `${SEARCH_ATTRIBUTE[key]} (Keyword)`).join(', ');
    throw new ConfigurationError(
      [`This caller may not register search attributes in namespace "${namespace}": ${grpcMessage(error)}`],
      {
        advice:
          `Have an administrator create ${names}: ${commandsToCreate(namespace, missing)}. ` +
          'Erases run without them; finding them is harder.',
        cause: error,
      },
    );
  }
}

/** The command that an administrator runs, for a server of one's own and for Temporal Cloud. */
export function commandsToCreate(namespace: string, keys: readonly SearchAttributeKey[]): string {
  const own = keys.map((key) => `--name ${SEARCH_ATTRIBUTE[key]} --type Keyword`).join(' ');
  const cloud = keys.map((key) => `--sa ${SEARCH_ATTRIBUTE[key]}=Keyword`).join(' ');
  return (
    `\`temporal operator search-attribute create --namespace ${namespace} ${own}\`, ` +
    `or in Temporal Cloud \`tcld namespace search-attributes add --namespace ${namespace} ${cloud}\``
  );
}

async function add(connection: OperatorConnection, namespace: string, name: string): Promise<void> {
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: { [name]: KEYWORD } });
  } catch (error) {
    // Somebody else registered it between our look and our call.
    if (grpcCode(error) !== GRPC.alreadyExists) throw error;
  }
}

function isClosed(error: unknown): boolean {
  const code = grpcCode(error);
  return code === GRPC.permissionDenied || code === GRPC.unauthenticated || code === GRPC.unimplemented;
}

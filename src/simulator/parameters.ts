import { invalidValue, missingParameter, unknownParameter, wrongType } from './api-error.js';

export type ParameterType = 'string' | 'integer' | 'strings' | 'integers' | 'object' | 'objects';

/** Parameters of an API: the type of each, with `!` when it is required. */
export type ParameterTable = Record<string, ParameterType | `${ParameterType}!`>;

export type Parameters = Record<string, unknown>;

/**
 * Validates a request against its table: unknown, missing and wrongly typed parameters are refused with the documented codes.
 * Null counts as absent, since the official SDKs drop it too.
 */
export function checkParameters(given: Parameters, table: ParameterTable): Parameters {
  const checked: Parameters = {};
  for (const [name, value] of Object.entries(given)) {
    const declared = Object.hasOwn(table, name) ? table[name] : undefined;
    if (declared === undefined) throw unknownParameter(name);
    if (value === null || value === undefined) continue;
    checked[name] = checkType(name, value, declared.replace('!', '') as ParameterType);
  }
  for (const [name, declared] of Object.entries(table))
    if (declared.endsWith('!') && checked[name] === undefined) throw missingParameter(name);
  return checked;
}

function checkType(name: string, value: unknown, type: ParameterType): unknown {
  switch (type) {
    case 'string':
      if (typeof value !== 'string') throw wrongType(name, 'a string');
      return value;
    case 'integer':
      if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(name, 'an integer');
      return value;
    case 'object':
      if (!isObject(value)) throw wrongType(name, 'an object');
      return value;
    default: {
      if (!Array.isArray(value)) throw wrongType(name, 'an array');
      const element = type.slice(0, -1) as ParameterType;
      return value.map((item, at) => checkType(`${name}.${at}`, item, element));
    }
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Rebuilds nested parameters from a GET query (`FileIds.0=…`, `Sort.Field=…`), and converts integers, since a query has only
 * strings.
 */
export function parametersOfQuery(query: string, table: ParameterTable): Parameters {
  const tree: Parameters = {};
  for (const [path, text] of new URLSearchParams(query)) {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    let node = tree;
    for (const key of keys) {
      const next = Object.hasOwn(node, key) ? node[key] : {};
      if (!isObject(next)) throw invalidValue(path, 'it is both a value and a structure', 'InvalidParameter');
      define(node, key, next);
      node = next;
    }
    define(node, last, text);
  }
  for (const [name, value] of Object.entries(tree)) {
    const type = Object.hasOwn(table, name) ? table[name]?.replace('!', '') : undefined;
    tree[name] = fromText(value, type as ParameterType | undefined);
  }
  return tree;
}

function fromText(value: unknown, type: ParameterType | undefined): unknown {
  if (type === 'integer' && typeof value === 'string' && /^-?\d{1,15}$/.test(value)) return Number(value);
  if (isObject(value) && type?.endsWith('s'))
    return Object.keys(value)
      .sort((a, b) => Number(a) - Number(b))
      .map((key) => fromText(value[key], type.slice(0, -1) as ParameterType));
  return value;
}

/** Also safe for keys such as `__proto__`, which plain assignment would interpret. */
function define(node: Parameters, key: string, value: unknown): void {
  Object.defineProperty(node, key, { value, enumerable: true, configurable: true, writable: true });
}

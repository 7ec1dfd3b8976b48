/**
 * Identifies our own task among the vendor's by comparing its echoed input with ours. The vendor does not document the echo's
 * form, so every possible wrapping is removed first.
 */
import { SMART_ERASE_DEFINITION } from '../contract/raw-params.js';
import type { Recipe } from '../contract/recipes.js';
import { fitAnswer } from './fit-answer.js';
import { toDelogo, toMpsParams } from './recipe-params.js';

/** The result of comparing the echoed input. `unreadable`: it could be ours. */
export type InputMatch = 'same' | 'other' | 'unreadable';

type JsonObject = Record<string, unknown>;

/** The parsed fields that we send for a recipe, for comparison with an echo. */
export function sentFields(recipe: Recipe): { definition: number; parameter: JsonObject | null } {
  if (recipe.name === 'smart-erase-task') {
    const { Definition, ...rest } = toMpsParams(recipe).smartEraseTask ?? {};
    return { definition: Number(Definition), parameter: Object.keys(rest).length === 0 ? null : rest };
  }
  const delogo = toDelogo(recipe);
  return { definition: SMART_ERASE_DEFINITION, parameter: delogo === null ? null : { delogo } };
}

/** Compares a recipe with the parsed input of a sub-task (`SubTask.input`), on the fields that we sent. */
export function inputMatches(recipe: Recipe, echoedInput: unknown): InputMatch {
  const sent = sentFields(recipe);
  const typedRoute = recipe.name === 'smart-erase-task';
  const task = unwrap(echoedInput, typedRoute ? 'SmartEraseTask' : 'AiAnalysisTask');
  if (task === null) {
    return 'unreadable';
  }
  const definition = numberOf(task.Definition);
  if (definition === null) {
    return 'unreadable';
  }
  if (definition !== sent.definition) {
    return 'other';
  }
  return typedRoute ? matchTyped(sent.parameter, task) : matchExtended(sent.parameter, task.ExtendedParameter);
}

/**
 * The vendor passes ExtendedParameter on as text, so an echo of it is exact. Without an echo (the MPS structures of some tasks
 * have only the Definition), a task cannot be attributed.
 */
function matchExtended(sent: JsonObject | null, echoed: unknown): InputMatch {
  if (isAbsent(echoed)) {
    return sent === null ? 'same' : 'unreadable';
  }
  const extended = parsed(echoed);
  if (!isObject(extended)) {
    return 'unreadable';
  }
  return compare(sent ?? {}, extended, { missing: 'other', zero: 'other' });
}

/** A structure with omitted or zero fields is not enough for a decision. */
function matchTyped(sent: JsonObject | null, task: JsonObject): InputMatch {
  const { Definition: _definition, ...rest } = task;
  return compare(sent ?? {}, rest, { missing: 'unreadable', zero: 'unreadable' });
}

/** Unwraps JSON text within JSON text, and the task's name, up to three levels. */
function unwrap(echoed: unknown, name: string): JsonObject | null {
  let value = parsed(echoed);
  for (let depth = 0; depth < 3; depth++) {
    if (!isObject(value)) {
      return null;
    }
    if ('Definition' in value) {
      return value;
    }
    const [only, ...more] = Object.values(value);
    value = parsed(name in value ? value[name] : more.length === 0 ? only : null);
  }
  return null;
}

/** Results for a field that the echo lacks, and for one that it adds as 0 or false. */
interface Doubts {
  missing: InputMatch;
  zero: InputMatch;
}

/** `same` when all sent fields are equal; an addition that changes the result makes it another recipe. */
function compare(sent: unknown, echoed: unknown, doubts: Doubts): InputMatch {
  if (isEmpty(sent) && isEmpty(echoed)) {
    return 'same';
  }
  if (echoed === undefined || echoed === null) {
    return doubts.missing;
  }
  if (sent === undefined) {
    return echoed === 0 || echoed === false ? doubts.zero : 'other';
  }
  if (isObject(sent) && isObject(echoed)) {
    const keys = [...new Set([...Object.keys(sent), ...Object.keys(echoed)])];
    return worst(keys.map((key) => compare(sent[key], echoed[key], doubts)));
  }
  if (Array.isArray(sent) && Array.isArray(echoed)) {
    return sent.length === echoed.length
      ? worst(sent.map((item, index) => compare(item, echoed[index], doubts)))
      : 'other';
  }
  const equal = typeof sent === 'number' ? numberOf(echoed) === sent : sent === echoed;
  return equal ? 'same' : 'other';
}

function worst(matches: readonly InputMatch[]): InputMatch {
  if (matches.includes('other')) {
    return 'other';
  }
  return matches.includes('unreadable') ? 'unreadable' : 'same';
}

/** Absent, in any representation. */
function isEmpty(value: unknown): boolean {
  return (
    isAbsent(value) ||
    (Array.isArray(value) && value.length === 0) ||
    (isObject(value) && Object.values(value).every(isEmpty))
  );
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function parsed(value: unknown): unknown {
  if (typeof value !== 'string') {
    return value;
  }
  try {
    return fitAnswer(JSON.parse(value));
  } catch {
    return value;
  }
}

function numberOf(value: unknown): number | null {
  if (typeof value === 'number') {
    return value;
  }
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

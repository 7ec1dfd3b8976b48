import { plainJsonProblems } from './plain-json.js';
import { kindOf, type Problem, shownValue } from './problem.js';
import type { RawRecipe } from './recipes.js';

/** Template id of Smart Erase. Source: ProcessMediaByMPS, since September 2025. */
export const SMART_ERASE_DEFINITION = 25;

/** Other template ids that may be copied from elsewhere. */
const OTHER_DEFINITIONS: Readonly<Record<string, string>> = {
  24: 'was its id before September 2025',
  26: 'is the highlights template',
  27: 'is the splitting template',
};

type JsonObject = Record<string, unknown>;

/**
 * Validates a caller's own MPSProcessMediaParams, and returns one canonical form. The vendor honours `AiAnalysisTask` and
 * silently ignores everything else, so other fields are refused here.
 */
export function parseRawParams(given: unknown): { params: RawRecipe['params'] } | { problems: Problem[] } {
  const problems: Problem[] = [];
  const add = (path: string, message: string): void => {
    problems.push({ path, message });
  };

  const params = objectOrText(given, 'params', add);
  if (params === null) {
    return { problems };
  }
  for (const key of Object.keys(params)) {
    if (key !== 'AiAnalysisTask') {
      add(`params.${key}`, 'would be ignored by the vendor without a word; only AiAnalysisTask is honoured.');
    }
  }
  const task = params.AiAnalysisTask;
  if (!isObject(task)) {
    add('params.AiAnalysisTask', task === undefined ? 'is missing.' : `is ${kindOf(task)}; it must be an object.`);
    return { problems };
  }
  for (const key of Object.keys(task)) {
    if (key !== 'Definition' && key !== 'ExtendedParameter') {
      add(`params.AiAnalysisTask.${key}`, 'is not known to the vendor; only Definition and ExtendedParameter are.');
    }
  }
  if (task.Definition !== SMART_ERASE_DEFINITION) {
    const other = OTHER_DEFINITIONS[String(task.Definition)];
    const what = task.Definition === undefined ? 'is missing' : `is ${shownValue(task.Definition)}`;
    const why = other === undefined ? '' : ` (${task.Definition} ${other})`;
    add('params.AiAnalysisTask.Definition', `${what}; Smart Erase is the number ${SMART_ERASE_DEFINITION}${why}.`);
  }
  const delogo = parseExtended(task.ExtendedParameter, add);
  if (problems.length > 0) {
    return { problems };
  }
  return {
    params: {
      AiAnalysisTask: {
        Definition: SMART_ERASE_DEFINITION,
        ...(delogo === null ? {} : { ExtendedParameter: { delogo } }),
      },
    },
  };
}

/** `ExtendedParameter`: null when absent; the vendor's own example has an empty string for that. */
function parseExtended(given: unknown, add: (path: string, message: string) => void): JsonObject | null {
  if (given === undefined || given === '') {
    return null;
  }
  const where = 'params.AiAnalysisTask.ExtendedParameter';
  const extended = objectOrText(given, where, add);
  if (extended === null) {
    return null;
  }
  for (const key of Object.keys(extended)) {
    if (key !== 'delogo') {
      add(`${where}.${key}`, 'does not belong to Smart Erase; only delogo does.');
    }
  }
  const delogo = extended.delogo;
  if (!isObject(delogo)) {
    add(`${where}.delogo`, delogo === undefined ? 'is missing.' : `is ${kindOf(delogo)}; it must be an object.`);
    return null;
  }
  checkCustomerAppId(delogo, `${where}.delogo`, add);
  return delogo;
}

function checkCustomerAppId(delogo: JsonObject, where: string, add: (path: string, message: string) => void): void {
  const id = delogo.CustomerAppId;
  if (id !== undefined && (typeof id !== 'string' || !/^[A-Za-z0-9_.-]{1,64}$/.test(id))) {
    add(`${where}.CustomerAppId`, 'must be the name of one scenario, such as "subtitle_erase_fast".');
  }
  const all = JSON.stringify(delogo).split('"CustomerAppId":').length - 1;
  if (all > 1) {
    add(where, 'names more than one CustomerAppId; a request has one scenario.');
  }
}

function objectOrText(given: unknown, where: string, add: (path: string, message: string) => void): JsonObject | null {
  let value = given;
  if (typeof given === 'string') {
    try {
      value = JSON.parse(given);
    } catch (error) {
      add(where, `is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
      return null;
    }
    for (const problem of plainJsonProblems(value)) {
      add(problem.path === '' ? where : `${where}.${problem.path}`, problem.message.slice(problem.path.length).trim());
    }
  }
  if (!isObject(value)) {
    add(where, `is ${kindOf(value)}; it must be an object, or its JSON text.`);
    return null;
  }
  return value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

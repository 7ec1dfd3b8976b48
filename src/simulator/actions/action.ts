import { invalidValue } from '../api-error.js';
import { parseIso } from '../clock.js';
import { isObject, type Parameters, type ParameterTable } from '../parameters.js';
import type { SimulatedAccount } from '../simulated-account.js';

export interface ActionContext {
  account: SimulatedAccount;
  parameters: Parameters;
  /** Sub-application of the request, known to exist. */
  subAppId: number;
  requestId: string;
}

/** One API: its parameters, its rate limit, and its effect. The returned object becomes `Response`. */
export interface Action {
  parameters: ParameterTable;
  /** Documented parameters that are refused with a message instead of ignored. */
  notSimulated?: readonly string[];
  rate: 'submit' | 'read' | 'write';
  run(context: ActionContext): Record<string, unknown>;
}

/** A TimeRange parameter in simulated time; open ends are infinite. */
export function timeRange(context: ActionContext, name: string): { fromMs: number; beforeMs: number } | undefined {
  const range = context.parameters[name];
  if (!isObject(range)) return undefined;
  for (const key of Object.keys(range))
    if (key !== 'After' && key !== 'Before')
      throw invalidValue(`${name}.${key}`, 'there is no such field', 'UnknownParameter');
  return {
    fromMs: simulatedTime(context, `${name}.After`, range.After) ?? Number.NEGATIVE_INFINITY,
    beforeMs: simulatedTime(context, `${name}.Before`, range.Before) ?? Number.POSITIVE_INFINITY,
  };
}

export function simulatedTime(context: ActionContext, name: string, value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const realMs = typeof value === 'string' ? parseIso(value) : undefined;
  if (realMs === undefined) throw invalidValue(name, 'it is not a time like 2018-10-01T10:00:00Z');
  return context.account.clock.fromReal(realMs);
}

export function sortOrder(context: ActionContext, fields: readonly string[], code?: string) {
  const sort = context.parameters.Sort;
  if (!isObject(sort)) return undefined;
  if (typeof sort.Field !== 'string' || !fields.includes(sort.Field))
    throw invalidValue('Sort.Field', `it must be ${fields.join(' or ')}`, code);
  if (sort.Order !== 'Asc' && sort.Order !== 'Desc') throw invalidValue('Sort.Order', 'it must be Asc or Desc', code);
  return { field: sort.Field, descending: sort.Order === 'Desc' };
}

export function numberWithin(
  context: ActionContext,
  name: string,
  fallback: number,
  min: number,
  max: number,
  code?: string,
) {
  const value = (context.parameters[name] as number | undefined) ?? fallback;
  if (value < min || value > max) throw invalidValue(name, `it must be from ${min} to ${max}`, code);
  return value;
}

import { SILENT_SHAPES, type SilentShape } from './task.js';

export const FAULT_KINDS = [
  'error',
  'drop-before',
  'drop-after-accept',
  'delay',
  'http-status',
  'bad-json',
  'truncate',
  'late-listing',
  'task-failure',
  'silent-success',
  'stays-waiting',
  'stays-processing',
  'patch',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/**
 * An injected fault, consumed by the next `times` matching requests.
 *
 * - `error` answers `code`; nothing is executed unless `execute` is true.
 * - `drop-before` closes the connection, nothing executed and nothing counted.
 * - `drop-after-accept` executes, then closes the connection.
 * - `delay` executes, then answers `ms` later; with `execute: false` it waits before it executes.
 * - `http-status` answers `status` with a page that is not JSON; nothing is executed unless `execute` is true.
 * - `bad-json` executes, then answers `body` (default: a page of HTML) with status 200.
 * - `truncate` executes, then sends half of the answer and closes the connection.
 * - `patch` executes, then changes the answer: each key of `patch` is a path (`ProcessMediaByMPSTask.Status`) with its new value.
 *   It is for errors deep inside an answer; an `error` may have it too (`RequestId`).
 * - `late-listing`, `task-failure`, `silent-success` match accepted ProcessMediaByMPS calls and mark the new task: hidden from
 *   DescribeTasks for `ms`; failed with `code`; successful without a new video, in the given `shape`.
 * - `stays-waiting`, `stays-processing` do so too: the task is WAITING, or PROCESSING, until the admin API releases its file.
 */
export interface FaultSpec {
  /** The API's name, or `*` for all. */
  action: string;
  kind: FaultKind;
  /** Only requests for this file, or for a task of this file. */
  fileId?: string;
  /** Default 1. */
  times?: number;
  /** For `error` and `task-failure`. */
  code?: string;
  /** For `error` and `task-failure`: the message with the code. */
  message?: string;
  ms?: number;
  status?: number;
  execute?: boolean;
  body?: string;
  patch?: Record<string, unknown>;
  /** For the drops and `truncate`: end the connection with a reset instead of an orderly close. */
  reset?: boolean;
  /** For `task-failure`: in the sub-task's ErrCode (default), or as a number in the task's own. */
  level?: 'subtask' | 'task';
  /** For `silent-success`, default `same-file`. */
  shape?: SilentShape;
}

export type Fault = FaultSpec & { id: number; times: number };

const TASK_KINDS: readonly FaultKind[] = [
  'late-listing',
  'task-failure',
  'silent-success',
  'stays-waiting',
  'stays-processing',
];
/** The required field of each fault. */
const NEEDED: Partial<Record<FaultKind, keyof FaultSpec>> = {
  error: 'code',
  delay: 'ms',
  'http-status': 'status',
  'late-listing': 'ms',
  'task-failure': 'code',
  patch: 'patch',
};
const KNOWN_KEYS = 'action kind fileId times code message ms status execute body patch reset level shape'.split(' ');
const SUBMIT_ACTION = 'ProcessMediaByMPS';

export class Faults {
  #pending: Fault[] = [];
  #nextId = 1;

  add(spec: FaultSpec): Fault {
    const fault = { ...spec, times: spec.times ?? 1, id: this.#nextId++ };
    this.#pending.push(fault);
    return fault;
  }

  clear(): void {
    this.#pending = [];
  }

  list(): readonly Fault[] {
    return this.#pending;
  }

  /** The oldest fault that matches this request on arrival; {@link use} it when it takes effect. */
  forRequest(action: string, fileId: string | null): Fault | undefined {
    return this.#pending.find(
      (fault) =>
        !TASK_KINDS.includes(fault.kind) &&
        (fault.action === '*' || fault.action === action) &&
        (fault.fileId === undefined || fault.fileId === fileId),
    );
  }

  /** The oldest fault of this kind that matches a task about to start, consumed at once. */
  forTask(kind: FaultKind, fileId: string): Fault | undefined {
    const fault = this.#pending.find(
      (pending) => pending.kind === kind && (pending.fileId === undefined || pending.fileId === fileId),
    );
    if (fault) this.use(fault);
    return fault;
  }

  use(fault: Fault): void {
    fault.times--;
    if (fault.times <= 0) this.#pending = this.#pending.filter(({ id }) => id !== fault.id);
  }
}

/** The parsed fault, or a sentence that describes the problem. */
export function parseFault(value: unknown, actions: readonly string[]): FaultSpec | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'A fault must be a JSON object.';
  const given = value as Record<string, unknown>;
  const unknown = Object.keys(given).find((key) => !KNOWN_KEYS.includes(key));
  if (unknown) return `A fault has no field "${unknown}"; it has ${KNOWN_KEYS.join(', ')}.`;
  const kind = given.kind as FaultKind;
  if (!FAULT_KINDS.includes(kind)) return `"kind" must be one of ${FAULT_KINDS.join(', ')}.`;
  const action = given.action;
  if (typeof action !== 'string' || !(action === '*' || actions.includes(action)))
    return `"action" must be * or one of ${actions.join(', ')}.`;
  if (TASK_KINDS.includes(kind) && ![SUBMIT_ACTION, 'DescribeTasks', 'DescribeTaskDetail', '*'].includes(action))
    return `A fault of kind ${kind} marks tasks, so its "action" must be ${SUBMIT_ACTION}.`;
  const problem = wrongField(given);
  if (problem) return problem;
  const needed = NEEDED[kind];
  if (needed && given[needed] === undefined) return `A fault of kind ${kind} needs "${needed}".`;
  if (given.level === 'task' && !/^\d+$/.test(String(given.code)))
    return 'With "level": "task" the "code" must be digits, since the task\'s own ErrCode is a number.';
  return given as unknown as FaultSpec;
}

function wrongField(given: Record<string, unknown>): string | undefined {
  const isNumber = (value: unknown, min: number, max: number) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
  const rules: Record<string, [(value: unknown) => boolean, string]> = {
    fileId: [(value) => typeof value === 'string', 'a string'],
    times: [(value) => isNumber(value, 1, Number.MAX_SAFE_INTEGER), 'a whole number of 1 or more'],
    code: [(value) => typeof value === 'string' && value !== '', 'a text'],
    message: [(value) => typeof value === 'string', 'a string'],
    ms: [(value) => isNumber(value, 0, Number.MAX_SAFE_INTEGER), 'a whole number of milliseconds, 0 or more'],
    status: [(value) => isNumber(value, 200, 599), 'an HTTP status from 200 to 599'],
    execute: [(value) => typeof value === 'boolean', 'true or false'],
    body: [(value) => typeof value === 'string', 'a string'],
    patch: [(value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'an object'],
    reset: [(value) => typeof value === 'boolean', 'true or false'],
    level: [(value) => value === 'subtask' || value === 'task', '"subtask" or "task"'],
    shape: [(value) => SILENT_SHAPES.includes(value as SilentShape), `one of ${SILENT_SHAPES.join(', ')}`],
  };
  for (const [name, [holds, wanted]] of Object.entries(rules))
    if (given[name] !== undefined && !holds(given[name])) return `"${name}" must be ${wanted}.`;
  return undefined;
}

/** Sets a value at a dotted path of an answer (`SubTaskSet.0.Status`), creating missing objects. */
export function applyPatch(answer: Record<string, unknown>, patch: Record<string, unknown>): void {
  for (const [path, value] of Object.entries(patch)) {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    let node = answer;
    for (const key of keys) {
      if (typeof node[key] !== 'object' || node[key] === null) node[key] = {};
      node = node[key] as Record<string, unknown>;
    }
    node[last] = value;
  }
}

/**
 * Replaces all text in the vendor's responses, except values that the API defines. Equal values get equal placeholders, so that
 * relations remain visible.
 */
export class Redactor {
  readonly #placeholders = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  redact(value: unknown, key = ''): unknown {
    if (Array.isArray(value)) return value.map((entry) => this.redact(entry, key));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, this.redact(entry, name)]));
    }
    if (typeof value === 'number') return OWN_NUMBERS.has(key) ? this.#placeholder(key, String(value)) : value;
    return typeof value === 'string' ? this.#text(value, key) : value;
  }

  #text(value: string, key: string): string {
    if (value === '') return value;
    if (JSON_TEXTS.has(key)) {
      const parsed = parsedJson(value);
      // Kept as text, since this is part of the response's shape.
      if (parsed !== undefined) return JSON.stringify(this.redact(parsed, key));
    }
    if (DEFINED.has(key) && DEFINED_WORD.test(value)) return value;
    if (TIMES.has(key) && TIME.test(value)) return value;
    if (/(task_?id)$/i.test(key)) return this.#placeholder('TaskId', value, taskShape(value));
    return this.#placeholder(key === '' ? 'text' : key, value);
  }

  #placeholder(kind: string, value: string, shape = shapeOf(value)): string {
    const known = this.#placeholders.get(value);
    if (known !== undefined) return known;
    const number = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, number);
    const placeholder = `<${kind} ${number}: ${shape}>`;
    this.#placeholders.set(value, placeholder);
    return placeholder;
  }
}

/** Numbers that identify an account's objects. */
const OWN_NUMBERS: ReadonlySet<string> = new Set(['SubAppId', 'ClassId', 'SourceSubAppId', 'AppId']);

/** Text fields that contain JSON. */
const JSON_TEXTS: ReadonlySet<string> = new Set(['Input', 'ExtendedParameter', 'Output', 'MPSProcessMediaParams']);

/** Fields whose values the API defines. */
const DEFINED: ReadonlySet<string> = new Set([
  'Action',
  'Code',
  'Container',
  'CustomerAppId',
  'ErrCode',
  'ErrCodeExt',
  'Field',
  'FileType',
  'Filters',
  'MediaType',
  'Order',
  'Status',
  'StorageClass',
  'StorageMode',
  'TaskType',
  'Type',
  'cluster_id',
  'subtitle_fmt',
]);
/** A code or name, but no sentence or address. */
const DEFINED_WORD = /^[\w.-]{1,80}$/;

const TIMES: ReadonlySet<string> = new Set([
  'After',
  'Before',
  'BeginProcessTime',
  'CreateTime',
  'ExpireTime',
  'FinishTime',
  'UpdateTime',
]);
const TIME = /^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:?\d{2})$/;

function parsedJson(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** The form of the text without its content. */
function shapeOf(value: string): string {
  if (/^\d+$/.test(value)) return `${value.length} digits`;
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return 'UUID';
  const [, scheme] = /^(https?):\/\//.exec(value) ?? [];
  return scheme === undefined ? `${value.length} characters` : `${scheme} URL of ${value.length} characters`;
}

/** A TaskId has the task's type between two hyphens. */
function taskShape(value: string): string {
  const [, kind] = /^\d+-([A-Za-z]+)-/.exec(value) ?? [];
  return kind === undefined
    ? shapeOf(value)
    : `digits-${kind}-${shapeOf(value.slice(value.indexOf(kind) + kind.length + 1))}`;
}

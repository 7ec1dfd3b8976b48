import { parseArgs } from 'node:util';

export const GROUPS = ['rate', 'watch', 'cost', 'waiting', 'batch', 'peers'] as const;
export type GroupName = (typeof GROUPS)[number];

export const USAGE = `npm run bench -- [${GROUPS.join('|')}]… [options]
  no name          all of them
  --short          small numbers, minutes instead of hours; without a name it leaves out what takes longest
  --only TEXT      scenarios whose name contains TEXT; may be repeated
  --list           names of the scenarios
  --scale N        durations of tasks, and the waits between polls, times N (default 1; short: 0.05)
  --erases N       erases of each scenario instead of its own number; --items N is the same
  --strict         missed speed goals fail the run too; only for a quiet machine
  --name TEXT      of the result file (default: what was run)`;

export interface BenchOptions {
  groups: readonly GroupName[];
  /** Whether groups were named, or none and so all of them. */
  named: boolean;
  short: boolean;
  only: readonly string[] | undefined;
  list: boolean;
  scale: number;
  erases: number | undefined;
  strict: boolean;
  name: string;
}

/** @throws Error with a sentence for a person */
export function readOptions(args: string[]): BenchOptions | 'help' {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      short: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      list: { type: 'boolean', default: false },
      scale: { type: 'string' },
      erases: { type: 'string' },
      items: { type: 'string' },
      strict: { type: 'boolean', default: false },
      name: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const unknown = positionals.find((each) => !(GROUPS as readonly string[]).includes(each));
  if (unknown !== undefined) throw new Error(`There is no group "${unknown}": it is one of ${GROUPS.join(', ')}.`);
  const groups = GROUPS.filter((each) => positionals.length === 0 || positionals.includes(each));
  const scale = values.scale === undefined ? (values.short ? 0.05 : 1) : Number(values.scale);
  if (!(scale > 0)) throw new Error(`--scale must be a number above 0, not "${values.scale}".`);
  const wanted = values.erases ?? values.items;
  const erases = wanted === undefined ? undefined : Number(wanted);
  if (erases !== undefined && !(Number.isInteger(erases) && erases >= 10))
    throw new Error(`--erases must be a whole number of 10 or more, not "${wanted}".`);
  const { short, only, list, strict } = values;
  const what = groups.length === GROUPS.length ? 'all' : groups.join('-');
  const name = values.name ?? `${what}${short ? '-short' : ''}`;
  if (!/^[\w.-]+$/.test(name)) throw new Error('--name may have letters, digits, ".", "_" and "-" only.');
  const named = positionals.length > 0;
  return { groups, named, short, only, list, scale, erases, strict, name };
}

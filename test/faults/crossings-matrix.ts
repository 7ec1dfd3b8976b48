import type { BatchItemState } from '../../src/contract/batch.js';
import type { ErrorClass } from '../../src/contract/error-classes.js';

/**
 * Where features meet, as data: an erase in a state, an event that hits it there, what people do afterwards, and what must
 * come of it. What is written here is what is right, not what the code of some day does.
 */

/** What a run is in when the event comes. */
export const STATES = {
  held: 'held, since the vendor refused the account',
  uncertain: 'held, since nobody can tell whether its submit was accepted: it was, and its task is not listed',
  waiting: 'its task is at the vendor',
  review: 'its result waits for a person',
  publishing: 'its result is being published, and the vendor does not answer',
  joined: 'its task is at the vendor, and an erase of another key waits for it too',
  item: 'an item of a batch with a budget, its task at the vendor',
  redriven: 'an item that was refused, in the redrive of its batch, its task at the vendor',
  adopted: 'an item of an adopted batch: another program paid for its task, which is at the vendor',
} as const;
export type State = keyof typeof STATES;

/** What happens to it. */
export const EVENTS = {
  reset: 'the run is reset to its first task',
  terminate: 'the run is terminated',
  'terminate-and-start': 'a foreign client starts the same input under its id, which terminates the run',
  cancel: 'an operator cancels the run',
  'pause-activity': 'the activity that it waits in is paused, reset, and goes on',
  'delete-result': 'the new file is deleted at the vendor',
  'delete-source': 'the source is deleted at the vendor',
  settings: 'the workers are restarted with other settings, a time passes, or a budget is changed',
} as const;
export type Event = keyof typeof EVENTS;

/** What is another after the event `settings`. */
export const CHANGES = {
  'allow-list': 'the sub-application is taken off the list of those that workers may submit for',
  expiry: 'publish.expireTime passes',
  prices: 'the prices are three times what they were',
  budget: 'the budget of the batch is another, or is used up',
} as const;
export type Change = keyof typeof CHANGES;

/** How a run ends. `spent`: what its end says of the money; not given: anything that is true. */
export type MustEnd = 'succeeded' | { class: ErrorClass; code?: string; spent?: boolean };

/** What an item of a report says; several states where either is true. */
export interface MustItem {
  state: BatchItemState | readonly BatchItemState[];
  class?: ErrorClass;
  code?: string;
}

export const OTHER_ASKS = {
  plain: 'the same erase is asked for by another key',
  'pay again': 'the same, with a token to pay again',
} as const;

/** What comes after the event, in this order. `smart-erase resume --all` goes before all of them, once for a group. */
export type Step =
  | 'name the task' // The operator sees it in the console, and resumes by the id and the task.
  | 'resume by id'
  | 'approve'
  | 'open publishing'
  | 'let go' // The vendor goes on with the tasks of its files.
  | 'start again'
  | 'run ends'
  | 'batch ends'
  | 'reset'
  | 'delete the result'
  | 'stands for its budget'
  | { ask: keyof typeof OTHER_ASKS; gives: 'reused' | 'paid' | 'deleted' }
  /** A redrive of the last batch; `gives` null: it takes nothing, and says so. */
  | { redrive: { payAgain?: true; maxCost?: number }; gives: MustItem | null; ends?: BatchEnd }
  /** Another batch of the same file with a key, by `--include-paid`. */
  | { includePaid: MustItem }
  /** The budget of the last batch, by `batch set`. */
  | { maxCost: number }
  /** So many tasks of the cell's files were accepted by now, and no more. */
  | { tasksSoFar: number };

export type BatchEnd = 'completed' | 'cancelled' | 'failed';

export interface Crossing {
  event: Event;
  state: State;
  change?: Change;
  /** Distinguishes cells of one pair. */
  as?: string;
  /** How the vendor keeps the task of the state until it is let go; WAITING where nothing is said. */
  task?: 'WAITING' | 'PROCESSING';
  /** Of the state `item`: how many items, one after the other, with which budget, and whether the first task fails once. */
  batch?: { items: number; maxCost: number; firstFails?: true };
  steps?: readonly Step[];
  /** The end of the last run of its id. */
  run: MustEnd;
  /** Of the erase that joined. */
  other?: MustEnd;
  /** Of the item that was hit, in the batch that it was hit in; with how that batch ends, else completed. */
  item?: MustItem;
  ends?: BatchEnd;
  /** Of the other items, else succeeded. */
  others?: MustItem;
  /** Tasks of its file that the vendor accepted in the end, and those of them that were aborted. */
  tasks: number;
  aborted?: number;
  /** The same of the other files of its batch; else one for each. */
  otherTasks?: number;
}

const SUCCEEDED: MustItem = { state: 'succeeded' };
/** Its result was paid for by a run before, or by a batch before. */
const TAKEN_UP: MustItem = { state: ['succeeded', 'reused'] };
const TERMINATED: MustEnd = { class: 'aborted', code: 'Terminated' };
const FAILED_AS_TERMINATED: MustItem = { state: 'failed', class: 'aborted', code: 'Terminated' };
const NOT_ALLOWED = 'SubAppNotAllowed';
const DELETED: MustItem = { state: 'failed', class: 'badResult', code: 'ResultDeleted' };
const REUSED: Step = { ask: 'plain', gives: 'reused' };
const PAID: Step = { ask: 'plain', gives: 'paid' };
const TOLD_AS_DELETED: Step = { ask: 'plain', gives: 'deleted' };
const PAID_AGAIN: Step = { ask: 'pay again', gives: 'paid' };

/** What the run goes on with where nothing stands against it: one task, and the result that was asked for. */
function goesOn(event: Event): Crossing[] {
  return [
    { event, state: 'held', run: 'succeeded', tasks: 1 },
    { event, state: 'uncertain', steps: ['name the task'], run: 'succeeded', tasks: 1 },
    { event, state: 'waiting', run: 'succeeded', tasks: 1 },
    { event, state: 'review', steps: ['approve'], run: 'succeeded', tasks: 1 },
    { event, state: 'publishing', steps: ['open publishing'], run: 'succeeded', tasks: 1 },
    { event, state: 'joined', run: 'succeeded', other: 'succeeded', tasks: 1 },
    { event, state: 'item', run: 'succeeded', item: SUCCEEDED, tasks: 1 },
    { event, state: 'redriven', run: 'succeeded', item: SUCCEEDED, tasks: 1 },
    { event, state: 'adopted', run: 'succeeded', item: { state: 'reused' }, tasks: 1 },
  ];
}

/** The run is gone, and nothing that it paid for is. */
const TERMINATE: readonly Crossing[] = [
  { state: 'held', steps: [PAID], run: TERMINATED, tasks: 1 },
  { state: 'uncertain', steps: ['let go', REUSED], run: TERMINATED, tasks: 1 },
  { state: 'waiting', steps: ['let go', REUSED], run: TERMINATED, tasks: 1 },
  { state: 'review', steps: [REUSED], run: TERMINATED, tasks: 1 },
  { state: 'publishing', steps: ['open publishing', 'start again'], run: 'succeeded', tasks: 1 },
  { state: 'joined', run: TERMINATED, other: 'succeeded', tasks: 1 },
  {
    state: 'item',
    steps: ['batch ends', 'let go', { redrive: {}, gives: TAKEN_UP }],
    run: 'succeeded',
    item: FAILED_AS_TERMINATED,
    tasks: 1,
  },
  {
    state: 'redriven',
    steps: ['batch ends', 'let go', REUSED],
    run: TERMINATED,
    item: FAILED_AS_TERMINATED,
    tasks: 1,
  },
  { state: 'adopted', steps: ['batch ends', 'let go', REUSED], run: TERMINATED, item: FAILED_AS_TERMINATED, tasks: 1 },
].map((cell) => ({ event: 'terminate', ...cell }) as Crossing);

const CANCELLED = (code: string, spent: boolean): MustEnd => ({ class: 'cancelled', code, spent });
const ITEM_CANCELLED: MustItem = { state: 'cancelled' };

const CANCEL: readonly Crossing[] = [
  { state: 'held', steps: [PAID], run: CANCELLED('NothingSubmitted', false), tasks: 1 },
  { state: 'uncertain', steps: ['run ends', 'let go', REUSED], run: CANCELLED('InDoubt', true), tasks: 1 },
  {
    state: 'waiting',
    as: 'processed',
    task: 'PROCESSING',
    steps: ['run ends', 'let go', REUSED],
    run: CANCELLED('RunsOn', true),
    tasks: 1,
  },
  {
    state: 'waiting',
    as: 'not begun',
    steps: ['run ends', PAID],
    run: CANCELLED('Aborted', false),
    tasks: 2,
    aborted: 1,
  },
  { state: 'review', steps: ['run ends', REUSED], run: CANCELLED('Finished', true), tasks: 1 },
  {
    state: 'publishing',
    steps: ['run ends', 'open publishing', 'start again'],
    run: 'succeeded',
    tasks: 1,
  },
  // The vendor would abort it: it is left to the one that waits.
  { state: 'joined', as: 'the one that paid', run: { class: 'cancelled' }, other: 'succeeded', tasks: 1 },
  {
    state: 'joined',
    as: 'the batch that paid',
    run: { class: 'cancelled' },
    item: ITEM_CANCELLED,
    ends: 'cancelled',
    other: 'succeeded',
    tasks: 1,
  },
  {
    state: 'joined',
    as: 'the one that joined',
    run: 'succeeded',
    other: { class: 'cancelled', spent: false },
    tasks: 1,
  },
  { state: 'item', run: CANCELLED('Aborted', false), item: ITEM_CANCELLED, tasks: 1, aborted: 1 },
  {
    state: 'item',
    as: 'with its batch',
    run: CANCELLED('Aborted', false),
    item: ITEM_CANCELLED,
    ends: 'cancelled',
    tasks: 1,
    aborted: 1,
  },
  { state: 'redriven', run: CANCELLED('Aborted', false), item: ITEM_CANCELLED, tasks: 1, aborted: 1 },
  {
    state: 'adopted',
    task: 'PROCESSING',
    steps: ['run ends', 'batch ends', 'let go', REUSED],
    run: { class: 'cancelled' },
    item: ITEM_CANCELLED,
    tasks: 1,
  },
].map((cell) => ({ event: 'cancel', ...cell }) as Crossing);

const DELETE_RESULT: readonly Crossing[] = [
  {
    state: 'review',
    steps: ['approve', 'run ends', TOLD_AS_DELETED, PAID_AGAIN, REUSED],
    run: { class: 'publishFailed', spent: true },
    tasks: 2,
  },
  {
    state: 'publishing',
    steps: ['open publishing', 'run ends', TOLD_AS_DELETED],
    run: { class: 'publishFailed', spent: true },
    tasks: 1,
  },
  {
    state: 'joined',
    steps: ['let go', 'run ends', 'delete the result', TOLD_AS_DELETED, PAID_AGAIN, REUSED],
    run: 'succeeded',
    other: 'succeeded',
    tasks: 2,
  },
  {
    state: 'item',
    steps: ['let go', 'batch ends', 'delete the result', { includePaid: DELETED }, TOLD_AS_DELETED],
    run: 'succeeded',
    item: SUCCEEDED,
    tasks: 1,
  },
  {
    state: 'redriven',
    steps: [
      'let go',
      'batch ends',
      'delete the result',
      { includePaid: DELETED },
      { redrive: {}, gives: null },
      { redrive: { payAgain: true }, gives: SUCCEEDED },
      REUSED,
    ],
    run: 'succeeded',
    item: SUCCEEDED,
    tasks: 2,
  },
  {
    state: 'adopted',
    steps: ['let go', 'batch ends', 'delete the result', TOLD_AS_DELETED],
    run: 'succeeded',
    item: { state: 'reused' },
    tasks: 1,
  },
].map((cell) => ({ event: 'delete-result', ...cell }) as Crossing);

/** What was accepted is made all the same; what was not is refused, and told. */
const DELETE_SOURCE: readonly Crossing[] = goesOn('delete-source').map((cell) =>
  cell.state === 'held'
    ? { ...cell, run: { class: 'input', code: 'InvalidParameterValue.FileId', spent: false }, tasks: 0 }
    : cell,
);

const REFUSED: MustEnd = { class: 'input', spent: false };
const EXPIRED: MustEnd = { class: 'publishFailed', code: 'ExpireTimePast', spent: true };

/** What is paid for goes on; nothing is paid for that may not be paid for any more. */
const ALLOW_LIST: readonly Crossing[] = [
  ...goesOn('settings')
    .filter(({ state }) => state !== 'held' && state !== 'item')
    .map((cell) => ({ ...cell, change: 'allow-list' as const })),
  { event: 'settings', state: 'held', change: 'allow-list', run: { ...REFUSED, code: NOT_ALLOWED }, tasks: 0 },
  {
    event: 'settings',
    state: 'uncertain',
    change: 'allow-list',
    as: 'resumed without its task',
    steps: ['resume by id'],
    // What is not known counts as spent.
    run: { class: 'input', code: NOT_ALLOWED, spent: true },
    tasks: 1,
  },
  {
    event: 'settings',
    state: 'item',
    change: 'allow-list',
    batch: { items: 2, maxCost: 0.1 },
    run: 'succeeded',
    item: SUCCEEDED,
    others: { state: 'failed', class: 'input', code: NOT_ALLOWED },
    otherTasks: 0,
    tasks: 1,
  },
];

const EXPIRY: readonly Crossing[] = [
  { state: 'held', run: REFUSED, tasks: 0 },
  { state: 'waiting', run: EXPIRED, tasks: 1 },
  { state: 'waiting', as: 'and reset', steps: ['reset'], run: EXPIRED, tasks: 1 },
  { state: 'review', steps: ['approve'], run: EXPIRED, tasks: 1 },
].map((cell) => ({ event: 'settings', change: 'expiry', ...cell }) as Crossing);

/** Of 10 s at 720p, 0.037317 USD each. */
const BUDGET: readonly Crossing[] = [
  {
    state: 'item',
    as: 'lowered, then raised',
    batch: { items: 3, maxCost: 0.12 },
    steps: [{ maxCost: 0.04 }, 'let go', 'stands for its budget', { tasksSoFar: 1 }, { maxCost: 0.12 }],
    run: 'succeeded',
    item: SUCCEEDED,
    tasks: 1,
  },
  {
    state: 'item',
    as: 'used up by a task that failed, then raised',
    batch: { items: 3, maxCost: 0.12, firstFails: true },
    steps: ['let go', 'stands for its budget', { tasksSoFar: 3 }, { maxCost: 0.15 }],
    run: 'succeeded',
    item: SUCCEEDED,
    tasks: 2,
  },
  {
    state: 'redriven',
    as: 'in doubt, with a budget for none',
    steps: ['stands for its budget', { tasksSoFar: 0 }, { maxCost: 0.04 }],
    run: 'succeeded',
    item: SUCCEEDED,
    tasks: 1,
  },
].map((cell) => ({ event: 'settings', change: 'budget', ...cell }) as Crossing);

const PRICES: readonly Crossing[] = [
  { state: 'held', run: 'succeeded', tasks: 1 },
  {
    state: 'item',
    // 0.0373 is paid; of what is left, 0.1127, the next one takes 0.1120 by the workers' prices.
    batch: { items: 4, maxCost: 0.15 },
    steps: ['let go', 'stands for its budget', { tasksSoFar: 2 }, { maxCost: 0.4 }],
    run: 'succeeded',
    item: SUCCEEDED,
    tasks: 1,
  },
  { state: 'adopted', run: 'succeeded', item: { state: 'reused' }, tasks: 1 },
].map((cell) => ({ event: 'settings', change: 'prices', ...cell }) as Crossing);

/** Activities are there to be paused while something is waited for; a run that waits for a person has none. */
const PAUSE: readonly Crossing[] = goesOn('pause-activity').filter(
  ({ state }) => state !== 'held' && state !== 'review',
);

/** Pairs that make no sense, and why. */
export const LEFT_OUT: readonly { event: Event; state: State; why: string }[] = [
  { event: 'pause-activity', state: 'held', why: 'a held run waits in the workflow: there is no activity to pause' },
  { event: 'pause-activity', state: 'review', why: 'a run in review waits in the workflow: there is no activity' },
  { event: 'delete-result', state: 'held', why: 'nothing was submitted, so there is no result' },
  { event: 'delete-result', state: 'uncertain', why: 'the result is not known; once its task is, the run is waiting' },
  { event: 'delete-result', state: 'waiting', why: 'the result is not there yet; it is deleted in review, or later' },
];

export interface CrossingsGroup {
  kind: 'crossings';
  name: string;
  cells: readonly Crossing[];
}

const group = (name: string, cells: readonly Crossing[]): CrossingsGroup => ({ kind: 'crossings', name, cells });

export const CROSSINGS: readonly CrossingsGroup[] = [
  group('crossings: reset', goesOn('reset')),
  group('crossings: terminate', TERMINATE),
  group('crossings: terminate-and-start', goesOn('terminate-and-start')),
  group('crossings: cancel', CANCEL),
  group('crossings: pause-activity', PAUSE),
  group('crossings: delete-result', DELETE_RESULT),
  group('crossings: delete-source', DELETE_SOURCE),
  group('crossings: allow-list', ALLOW_LIST),
  // Apart: what expires must come to its state in time.
  group('crossings: expiry', EXPIRY),
  group('crossings: budgets', BUDGET),
  group('crossings: prices', PRICES),
];

export function nameOf({ event, state, change, as }: Crossing): string {
  const what = change === undefined ? event : `${event} (${change})`;
  return `${what} × ${state}${as === undefined ? '' : `, ${as}`}`;
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { EraseRequest } from '../../src/contract/request.js';
import type { FaultSpec } from '../../src/simulator/index.js';
import type { Balance } from './books.js';
import { ownSubApps, Stage } from './crossings-stage.js';
import type { House, HouseOptions } from './house.js';
import { MISBEHAVIOURS } from './matrix.js';
import { balanceOperators } from './operators-books.js';
import { bringToTheEnd } from './operators-end.js';
import { randomFrom } from './random.js';
import { openRuns, type Soaked } from './soaked.js';
import { TrackedErase } from './tracked-erase.js';

export const OPERATORS = 'soak with operators';

export interface OperatorsSoakOptions {
  seed: number;
  seconds: number;
}

/** A breaker, or a busy rate, of one is not felt in the others. */
export const SUB_APPS = ownSubApps.slice(0, 3);
/** Between two starts, and between two commands of an operator. Milliseconds. */
const START_EVERY_MS = 500;
const COMMAND_EVERY_MS = 400;
/** Two who do not know of each other. */
const AT_THE_DESK = 2;
const BATCH_EVERY = 8;
const SUBMIT = 'ProcessMediaByMPS';
const HOUR_MS = 3_600_000;
/** Of a file of 10 s at 720p. */
const PRICE_USD = 0.037317;
/** Some runs must be held, in review, or running when a command comes. */
const TASK_MS = { minMs: 200, maxMs: 6_000 };

export const OPERATORS_HOUSE: HouseOptions = {
  simulator: { submitsPerSecond: 0, readsPerSecond: 0, subAppIds: SUB_APPS, taskDurationMs: TASK_MS, taskWaitMs: 500 },
  env: {
    VOD_REQUEST_TIMEOUT_SECONDS: '2',
    VOD_SETTLE_SECONDS: '10',
    SMART_ERASE_WATCH: 'on',
    VOD_WATCH_INTERVAL_SECONDS: '0.5',
  },
};

/** What an operator may do. How often each is chosen, of their sum. */
const COMMANDS = {
  'resume --all': 4,
  resume: 4,
  skip: 1,
  abort: 1,
  approve: 6,
  reject: 2,
  'reject with another recipe': 3,
  cancel: 3,
  'batch set': 4,
  'batch pause': 2,
  'batch resume': 3,
  'batch cancel': 1,
  'batch go': 2,
  redrive: 3,
  // By the Temporal UI.
  reset: 2,
  terminate: 1,
} as const;
export type Command = keyof typeof COMMANDS;

type Random = () => number;

/**
 * Erases and batches with random faults of the vendor, while two operators send random commands. At the end all of it is
 * brought to its end, and the books are balanced. The same seed chooses the same.
 */
export async function runOperatorsSoak(house: House, { seed, seconds }: OperatorsSoakOptions) {
  const stage = await Stage.open(house);
  const soaked: Soaked = {
    stage,
    erases: [],
    batchIds: [],
    files: [],
    leaves: new Map(),
    commands: new Map(),
    problems: [],
  };
  const over = new AbortController();
  const watched = stage.watchBudgets(over.signal);
  const untilMs = performance.now() + seconds * 1_000;
  try {
    const operators = Array.from({ length: AT_THE_DESK }, (_, at) =>
      operate(soaked, randomFrom(seed + 1 + at), untilMs),
    );
    await Promise.all([ask(soaked, randomFrom(seed), untilMs), ...operators]);
    await bringToTheEnd(soaked);
  } finally {
    over.abort();
    await watched;
  }
  const balance = (): Promise<Balance> => balanceOperators(soaked);
  const commands = [...soaked.commands].sort().map(([name, count]) => `${count} ${name}`);
  return { erases: soaked.erases, balance, told: `commands: ${commands.join(', ')}` };
}

/** Services and persons who start erases and batches. */
async function ask(soaked: Soaked, random: Random, untilMs: number): Promise<void> {
  const begun: Promise<void>[] = [];
  for (let count = 1; performance.now() < untilMs; count += 1) {
    const work = count % BATCH_EVERY === 0 ? startBatch(soaked, random) : startErase(soaked, random);
    begun.push(work.catch((error) => void soaked.problems.push(`a start failed: ${String(error)}`)));
    await sleep(START_EVERY_MS);
  }
  await Promise.all(begun);
}

function pick<T>(random: Random, of: readonly T[]): T {
  return of[Math.floor(random() * of.length)] as T;
}

/** At most two losses in a row, or the vendor's word that stops it, or a submit that nobody can know of. */
function faultsOf(random: Random): Omit<FaultSpec, 'fileId'>[] {
  const kind = random();
  if (kind < 0.15) return [{ action: SUBMIT, kind: 'error', code: 'UnauthorizedOperation' }];
  if (kind < 0.22) {
    return [
      { action: SUBMIT, kind: 'late-listing', ms: HOUR_MS },
      { action: SUBMIT, kind: 'error', code: 'InvalidParameterValue.SessionId', execute: true },
    ];
  }
  if (kind < 0.32) return [{ action: SUBMIT, kind: 'task-failure', code: 'InternalError.Model' }];
  if (kind < 0.38) return [{ action: SUBMIT, kind: 'error', code: 'InvalidParameterValue.FileType' }];
  if (kind < 0.55) return [pick(random, Object.values(MISBEHAVIOURS))];
  return [];
}

async function startErase(soaked: Soaked, random: Random): Promise<void> {
  const { stage, files } = soaked;
  const { house } = stage;
  const key = `soak-${files.length}-${soaked.erases.length}`;
  const joins = files.length > 0 && random() < 0.2 ? pick(random, files) : undefined;
  const faults = faultsOf(random);
  const [review, publish] = [random() < 0.4, random() < 0.3];
  const subAppId = pick(random, SUB_APPS);
  const wishes = { key, ...(review && { review: { timeoutHours: 24 } }), ...(publish && { publish: { name: key } }) };
  if (joins === undefined) {
    const request = await house.request({ subAppId });
    files.push(request);
    await house.fault(request.fileId, ...faults);
    house.faults += faults.length;
    await track(soaked, { ...request, ...wishes }).start();
    return;
  }
  const { fileId, recipe } = joins;
  await track(soaked, { fileId, subAppId: joins.subAppId, recipe, ...wishes }).start();
}

function track({ stage, erases }: Soaked, request: EraseRequest): TrackedErase {
  const erase = new TrackedErase(stage.house, OPERATORS, request, 'truth');
  erases.push(erase);
  return erase;
}

async function startBatch(soaked: Soaked, random: Random): Promise<void> {
  const { stage, files, batchIds } = soaked;
  const { house } = stage;
  const id = `soak-batch-${batchIds.length}`;
  const subAppId = pick(random, SUB_APPS);
  const fresh = await Promise.all(
    Array.from({ length: 3 + Math.floor(random() * 3) }, () => house.request({ subAppId })),
  );
  for (const { fileId } of fresh) {
    const faults = faultsOf(random);
    await house.fault(fileId, ...faults);
    house.faults += faults.length;
  }
  const shared = files.filter((file) => file.subAppId === subAppId).slice(0, random() < 0.5 ? 1 : 0);
  files.push(...fresh);
  const rows = [...fresh, ...shared];
  const list = await stage.write(`${id}.csv`, `fileId\n${rows.map(({ fileId }) => fileId).join('\n')}\n`);
  const most = (rows.length * PRICE_USD * (0.4 + random())).toFixed(4);
  const options = ['--recipe', 'subtitles', '--sub-app-id', String(subAppId), '--id', id, '--max-cost', most];
  if (random() < 0.3) options.push('--review', '{"timeoutHours":24}');
  if (random() < 0.3) options.push('--sample', '1');
  if (random() < 0.5) options.push('--include-paid');
  batchIds.push(id);
  // 9: all of it was paid for before.
  await stage.command(['batch', 'start', list, ...options, '--concurrency', '2', '--yes'], [0, 9]);
}

/** Exit codes that a command may end with: all but those of a defect, of wrong usage, and of wrong settings. */
const ALLOWED = [0, 2, 3, 5, 6, 7, 8, 9, 10];

async function operate(soaked: Soaked, random: Random, untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    const command = chosen(random);
    try {
      await act(soaked, command, random);
    } catch (error) {
      soaked.problems.push(`${command}: ${error instanceof Error ? error.message : String(error)}`);
    }
    await sleep(COMMAND_EVERY_MS * (0.5 + random()));
  }
}

function chosen(random: Random): Command {
  const all = Object.entries(COMMANDS) as [Command, number][];
  let left = random() * all.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [command, weight] of all) {
    left -= weight;
    if (left < 0) return command;
  }
  return 'resume --all';
}

async function act(soaked: Soaked, command: Command, random: Random): Promise<void> {
  const { stage } = soaked;
  const { house } = stage;
  const who = ['--by', 'operator', '--reason', `the soak: ${command}`];
  const run = async (...args: string[]) => {
    const end = await stage.command([...args, ...who], ALLOWED);
    if (end.code === 0) soaked.commands.set(command, (soaked.commands.get(command) ?? 0) + 1);
    return end;
  };
  const one = <T>(of: readonly T[]) => (of.length === 0 ? undefined : pick(random, of));
  const ids = async (sql: string) => (await house.sql.query<{ id: string }>(sql)).rows.map(({ id }) => id);
  switch (command) {
    case 'resume --all':
      return void (await run('resume', '--all'));
    case 'resume':
    case 'skip':
    case 'abort': {
      const held = one(await heldNow(house));
      if (held === undefined) return;
      const { code } = await run(command, held.workflow_id);
      if (command === 'resume' && held.error_class === 'uncertain' && code === 0) {
        soaked.leaves.set(held.file_id, (soaked.leaves.get(held.file_id) ?? 0) + 1);
      }
      return;
    }
    case 'approve':
    case 'reject':
    case 'reject with another recipe': {
      const id = one(await ids("select workflow_id as id from run_phase where phase = 'review' order by since"));
      if (id === undefined) return;
      const other =
        command === 'reject with another recipe' ? ['--retry-with', pick(random, ['logo', 'subtitles'])] : [];
      return void (await run('review', command === 'approve' ? 'approve' : 'reject', id, ...other));
    }
    case 'cancel':
    case 'reset':
    case 'terminate': {
      const id = one(await openRuns(house));
      if (id === undefined) return;
      if (command === 'cancel') return void (await run('cancel', id));
      const erase = new TrackedErase(house, OPERATORS, { fileId: '', subAppId: 0, recipe: { name: '' } }, 'truth');
      erase.workflowId = id;
      house.note(`${command} of ${id}`);
      // One that ended in between, or has only begun, is left as it is.
      await (command === 'reset' ? erase.reset() : erase.terminate()).then(
        () => soaked.commands.set(command, (soaked.commands.get(command) ?? 0) + 1),
        () => undefined,
      );
      return;
    }
    case 'batch set': {
      const id = one(await ids("select id from batch where state <> 'ended' order by created_at"));
      if (id === undefined) return;
      const usd = (PRICE_USD * (1 + random() * 6)).toFixed(4);
      const what = random() < 0.5 ? ['--concurrency', String(1 + Math.floor(random() * 4))] : ['--max-cost', usd];
      return void (await run('batch', 'set', id, ...what));
    }
    case 'batch pause':
    case 'batch resume':
    case 'batch cancel':
    case 'batch go': {
      const id = one(await ids("select id from batch where state <> 'ended' order by created_at"));
      if (id === undefined) return;
      return void (await run('batch', command.slice('batch '.length), id));
    }
    case 'redrive': {
      const id = one(await ids("select id from batch where state = 'ended' order by created_at"));
      if (id === undefined) return;
      const again = random() < 0.3 ? ['--pay-again'] : [];
      const most = (PRICE_USD * random() * 4).toFixed(4);
      const newId = `${id.slice(0, 60)}-r${soaked.batchIds.length}`;
      soaked.batchIds.push(newId);
      return void (await run('batch', 'redrive', id, '--id', newId, '--max-cost', most, ...again, '--yes'));
    }
  }
}

async function heldNow(house: House) {
  const { rows } = await house.sql.query<{ workflow_id: string; file_id: string; error_class: string }>(
    'select workflow_id, file_id, error_class from hold where ended_at is null order by id',
  );
  return rows;
}

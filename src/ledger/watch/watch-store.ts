import { type Kysely, sql } from 'kysely';
import { guarded } from '../db/ledger-error.js';
import type { LedgerDatabase } from '../db/schema.js';
import { forgetWaiter, type LeftTask, leaveTask, type OtherWaiter, otherWaiters } from './leave-task.js';

/** A run whose `await-task` waits for a task. */
export interface Waiter {
  taskId: string;
  workflowId: string;
  runId: string;
}

/** An accepted task without an outcome, when it is scheduled to be read on its own. */
export interface OpenTask {
  taskId: string;
  fileId: string;
  recipe: unknown;
  /** Since its submit, in milliseconds. */
  ageMs: number;
  /** Since its TaskId is in the ledger, in milliseconds: later than its submit where its outcome was unknown. */
  knownForMs: number;
  /** Since a list first showed it as over, in milliseconds; null where none did. */
  overForMs: number | null;
  waiters: Waiter[];
}

export interface Registered {
  /** It need not wait: the task was seen to be over. */
  over: boolean;
  /**
   * How long after its submit the task was in the ledger, in milliseconds; a list that showed it before then ended no wait. Null
   * where this run did not submit it: it was adopted, or another run began it.
   */
  knownAfterMs: number | null;
}

export interface WatchState {
  /** The vendor's time. Null before the first list. */
  listedUntil: Date | null;
  /** Since the list was last read to its end, in milliseconds. Null where it never was. */
  fullScanAgeMs: number | null;
  /** A list has shown a task of ours: it is known to have such tasks at all. */
  verified: boolean;
  /** Since a list was found to have left out a task of ours, in milliseconds; null where it never was. */
  gapAgeMs: number | null;
  /** Accepted tasks of the sub-application without an outcome, of this namespace. */
  waiting: number;
  /** Age of the oldest of them, in milliseconds; null when there is none. */
  oldestMs: number | null;
}

/** A task by which a list is tried. */
export interface ProbeTask {
  taskId: string;
  fileId: string;
  /** Since its submit, in milliseconds. */
  ageMs: number;
}

/** After a list showed a task as over, when it is read if its outcome is still missing. Milliseconds. */
export interface Graces {
  /** A run waits for it, and will be notified. */
  notifiedMs: number;
  /** No run waits. */
  unownedMs: number;
}

/**
 * Who waits for which task, and how far the vendor's lists were read. Every write is safe to repeat; every method throws a
 * `LedgerError`. Ages are by the database's clock alone.
 *
 * All of it is about one namespace: its own waits, its own lists, and its own tasks, which its runs submitted or wait for. That a task
 * is over is true for every namespace, so what one has seen helps the others.
 */
export interface WatchStore {
  /** The run waits for the task. `watched`: it relies on the watch to notify it; default true. */
  register(waiter: Waiter & { subAppId: number; watched?: boolean }): Promise<Registered>;
  removeWaiters(waiters: readonly Pick<Waiter, 'taskId' | 'workflowId'>[]): Promise<void>;
  /** Runs of other workflows that wait for the task; some may be gone. */
  otherWaiters(taskId: string, workflowId: string): Promise<OtherWaiter[]>;
  forgetWaiter(taskId: string, waiter: OtherWaiter): Promise<void>;
  /** The workflow no longer waits for the task. Returns whether it may end it, or other runs still wait. */
  leaveTask(taskId: string, workflowId: string): Promise<LeftTask>;
  /**
   * The vendor lists these tasks as over. Records that for those of the ledger, and returns the runs of this namespace that wait
   * for one. A run that registers later learns it from {@link register}, so no run is missed.
   */
  markOver(taskIds: readonly string[], graces: Graces): Promise<Waiter[]>;
  /** Those who still wait for a task that was seen to be over, or whose outcome is known. */
  overdueWaiters(subAppId: number, limit: number): Promise<Waiter[]>;
  state(subAppId: number): Promise<WatchState>;
  /** Since the list was last read to its end, in milliseconds; null where it never was. One row by its key. */
  fullScanAgeMs(subAppId: number): Promise<number | null>;
  /** Moves the place up to which the list was read; never back. */
  advance(subAppId: number, listedUntil: Date): Promise<void>;
  /** The list was read to its end. */
  recordFullScan(subAppId: number): Promise<void>;
  /** An accepted task without an outcome, of any namespace, about ten seconds old if there is one; null where nothing waits. */
  probeTask(subAppId: number): Promise<ProbeTask | null>;
  /** A list has shown a task of ours, or has left one out that it should have shown. */
  noteList(subAppId: number, what: 'proven' | 'missed'): Promise<void>;
  /** Accepted tasks without an outcome, over all sub-applications and namespaces: the vendor's limits are the account's. */
  waitingInAll(): Promise<number>;
  /** Sub-applications with tasks of this namespace whose list was not read to its end for `staleMs` milliseconds. */
  unwatched(staleMs: number): Promise<number[]>;
  /** Tasks scheduled to be read, the oldest schedule first. A task is first scheduled `firstMs` after its submit. */
  dueTasks(subAppId: number, options: { firstMs: number; limit: number }): Promise<OpenTask[]>;
  /** The task was read: not again for so many milliseconds. With `sooner`, only if that is sooner than planned. */
  lookAgain(taskIds: readonly string[], inMs: number, options?: { sooner?: boolean }): Promise<void>;
}

type Db = Kysely<LedgerDatabase>;

const OPEN = sql`submission.state = 'accepted' and submission.outcome is null`;

const seconds = (ms: number) => sql`make_interval(secs => ${ms / 1_000}::double precision)`;
const msSince = (column: string) =>
  sql<number>`extract(epoch from clock_timestamp() - ${sql.ref(column)})::float8 * 1000`;

/** The namespace's runs submitted it, or wait for it. */
const isOf = (namespace: string) => sql`(submission.namespace = ${namespace} or exists (
  select from waiter where waiter.task_id = submission.task_id and waiter.namespace = ${namespace}))`;

export function openWatchStore(db: Db, namespace: string): WatchStore {
  return {
    register: (waiter) => guarded('register who waits for a task', () => register(db, namespace, waiter)),
    removeWaiters: (waiters) => guarded('remove who waited for a task', () => removeWaiters(db, namespace, waiters)),
    otherWaiters: (taskId, workflowId) =>
      guarded('find who else waits for a task', () => otherWaiters(db, namespace, taskId, workflowId)),
    forgetWaiter: (taskId, waiter) => guarded('remove who waited for a task', () => forgetWaiter(db, taskId, waiter)),
    leaveTask: (taskId, workflowId) => guarded('leave a task', () => leaveTask(db, namespace, taskId, workflowId)),
    markOver: (taskIds, graces) => guarded('note which tasks are over', () => markOver(db, namespace, taskIds, graces)),
    overdueWaiters: (subAppId, limit) =>
      guarded('find who waits for tasks', () => overdueWaiters(db, namespace, subAppId, limit)),
    state: (subAppId) => guarded('read the state of the watch', () => readState(db, namespace, subAppId)),
    fullScanAgeMs: (subAppId) => guarded('read the state of the watch', () => goodForMs(db, namespace, subAppId)),
    advance: (subAppId, listedUntil) =>
      guarded('note how far tasks were listed', async () => {
        await sql`
          insert into watch (namespace, sub_app_id, listed_until) values (${namespace}, ${subAppId}, ${listedUntil.toISOString()}::timestamptz)
          on conflict (namespace, sub_app_id) do update set listed_until = greatest(watch.listed_until, excluded.listed_until)`.execute(
          db,
        );
      }),
    recordFullScan: (subAppId) =>
      guarded('note that tasks were listed', async () => {
        await sql`
          insert into watch (namespace, sub_app_id, good_at) values (${namespace}, ${subAppId}, clock_timestamp())
          on conflict (namespace, sub_app_id) do update set good_at = excluded.good_at`.execute(db);
      }),
    probeTask: (subAppId) => guarded('find a task to try the list by', () => probeTask(db, subAppId)),
    noteList: (subAppId, what) =>
      guarded('note what a list showed', async () => {
        const column = sql.ref(`${what}_at`);
        await sql`
          insert into watch (namespace, sub_app_id, ${column}) values (${namespace}, ${subAppId}, clock_timestamp())
          on conflict (namespace, sub_app_id) do update set ${column} = excluded.${column}`.execute(db);
      }),
    waitingInAll: () => guarded('count what waits', () => waitingInAll(db)),
    unwatched: (staleMs) => guarded('find what is not watched', () => unwatched(db, namespace, staleMs)),
    dueTasks: (subAppId, options) => guarded('find tasks to look at', () => dueTasks(db, namespace, subAppId, options)),
    lookAgain: (taskIds, inMs, options) =>
      guarded('plan the next look at a task', async () => {
        if (taskIds.length === 0) return;
        const next = sql`clock_timestamp() + ${seconds(inMs)}`;
        await sql`
          update submission set next_look_at = ${options?.sooner ? sql`least(next_look_at, ${next})` : next}
          where task_id = any(${[...taskIds]}::text[]) and outcome is null`.execute(db);
      }),
  };
}

async function register(
  db: Db,
  namespace: string,
  { taskId, workflowId, runId, subAppId, watched = true }: Waiter & { subAppId: number; watched?: boolean },
): Promise<Registered> {
  await sql`
    insert into waiter (namespace, task_id, workflow_id, run_id, sub_app_id, watched)
    values (${namespace}, ${taskId}, ${workflowId}, ${runId}, ${subAppId}, ${watched})
    on conflict (task_id, namespace, workflow_id) do update set run_id = excluded.run_id, watched = excluded.watched`.execute(
    db,
  );
  // Only after the row above is visible: the watch first marks the task as over, and then reads the rows.
  const { rows } = await sql<{ over: boolean; known_after_ms: number | null }>`
    select over_seen_at is not null or outcome is not null as over,
           case when not adopted and submission.namespace = ${namespace} and submission.workflow_id = ${workflowId}
             and submission.run_id = ${runId}
             then extract(epoch from answered_at - place_at)::float8 * 1000 end as known_after_ms
    from submission where task_id = ${taskId}`.execute(db);
  return { over: rows[0]?.over ?? false, knownAfterMs: rows[0]?.known_after_ms ?? null };
}

async function removeWaiters(
  db: Db,
  namespace: string,
  waiters: readonly Pick<Waiter, 'taskId' | 'workflowId'>[],
): Promise<void> {
  if (waiters.length === 0) return;
  await sql`
    delete from waiter using unnest(${waiters.map((w) => w.taskId)}::text[], ${waiters.map((w) => w.workflowId)}::text[])
      as gone (task_id, workflow_id)
    where waiter.namespace = ${namespace} and waiter.task_id = gone.task_id and waiter.workflow_id = gone.workflow_id`.execute(
    db,
  );
}

async function markOver(
  db: Db,
  namespace: string,
  taskIds: readonly string[],
  { notifiedMs, unownedMs }: Graces,
): Promise<Waiter[]> {
  if (taskIds.length === 0) return [];
  const ids = [...taskIds];
  // Rows in one order: two workers that list the same tasks must not wait for each other.
  await sql`
    with seen as (
      select erase_id, number from submission
      where task_id = any(${ids}::text[]) and ${OPEN} and over_seen_at is null
      order by erase_id, number for update)
    update submission set over_seen_at = clock_timestamp(), next_look_at = clock_timestamp() +
      case when exists (select from waiter where waiter.task_id = submission.task_id) then ${seconds(notifiedMs)}
           else ${seconds(unownedMs)} end
    from seen where submission.erase_id = seen.erase_id and submission.number = seen.number`.execute(db);
  const { rows } = await sql<WaiterRow>`
    select task_id, workflow_id, run_id from waiter where namespace = ${namespace} and task_id = any(${ids}::text[])`.execute(
    db,
  );
  return rows.map(toWaiter);
}

async function overdueWaiters(db: Db, namespace: string, subAppId: number, limit: number): Promise<Waiter[]> {
  const { rows } = await sql<WaiterRow>`
    select waiter.task_id, waiter.workflow_id, waiter.run_id
    from waiter join submission on submission.task_id = waiter.task_id
    where waiter.namespace = ${namespace} and waiter.sub_app_id = ${subAppId}
      and (submission.over_seen_at is not null or submission.outcome is not null)
    limit ${limit}`.execute(db);
  return rows.map(toWaiter);
}

async function readState(db: Db, namespace: string, subAppId: number): Promise<WatchState> {
  const { rows } = await sql<{
    listed_until: Date | null;
    good_for_ms: number | null;
    proven: boolean;
    missed_for_ms: number | null;
    waiting: number;
    oldest_ms: number | null;
  }>`
    select watch.listed_until, ${msSince('watch.good_at')} as good_for_ms, watch.proven_at is not null as proven,
           ${msSince('watch.missed_at')} as missed_for_ms, open.waiting, open.oldest_ms
    from (
      select count(*)::integer as waiting, extract(epoch from clock_timestamp() - min(place_at))::float8 * 1000 as oldest_ms
      from submission join erase on erase.id = submission.erase_id
      where ${OPEN} and erase.sub_app_id = ${subAppId} and ${isOf(namespace)}) as open
    left join watch on watch.namespace = ${namespace} and watch.sub_app_id = ${subAppId}`.execute(db);
  const row = rows[0];
  return {
    listedUntil: row?.listed_until ?? null,
    fullScanAgeMs: row?.good_for_ms ?? null,
    verified: row?.proven ?? false,
    gapAgeMs: row?.missed_for_ms ?? null,
    waiting: row?.waiting ?? 0,
    oldestMs: row?.oldest_ms ?? null,
  };
}

async function probeTask(db: Db, subAppId: number): Promise<ProbeTask | null> {
  const { rows } = await sql<{ task_id: string; file_id: string; age_ms: number }>`
    select submission.task_id, erase.file_id, ${msSince('submission.place_at')} as age_ms
    from submission join erase on erase.id = submission.erase_id
    where ${OPEN} and erase.sub_app_id = ${subAppId}
    order by abs(extract(epoch from clock_timestamp() - submission.place_at) - 10) limit 1`.execute(db);
  const row = rows[0];
  return row === undefined ? null : { taskId: row.task_id, fileId: row.file_id, ageMs: row.age_ms };
}

async function goodForMs(db: Db, namespace: string, subAppId: number): Promise<number | null> {
  const { rows } = await sql<{ ms: number | null }>`
    select ${msSince('good_at')} as ms from watch where namespace = ${namespace} and sub_app_id = ${subAppId}`.execute(
    db,
  );
  return rows[0]?.ms ?? null;
}

async function waitingInAll(db: Db): Promise<number> {
  const { rows } = await sql<{ waiting: number }>`
    select count(*)::integer as waiting from submission where ${OPEN}`.execute(db);
  return rows[0]?.waiting ?? 0;
}

async function unwatched(db: Db, namespace: string, staleMs: number): Promise<number[]> {
  const { rows } = await sql<{ sub_app_id: string }>`
    select distinct erase.sub_app_id
    from submission join erase on erase.id = submission.erase_id
    left join watch on watch.namespace = ${namespace} and watch.sub_app_id = erase.sub_app_id
    where ${OPEN} and ${isOf(namespace)} and (watch.good_at is null or watch.good_at < clock_timestamp() - ${seconds(staleMs)})`.execute(
    db,
  );
  return rows.map((row) => Number(row.sub_app_id));
}

async function dueTasks(
  db: Db,
  namespace: string,
  subAppId: number,
  { firstMs, limit }: { firstMs: number; limit: number },
): Promise<OpenTask[]> {
  const due = sql`coalesce(submission.next_look_at, submission.place_at + ${seconds(firstMs)})`;
  const { rows } = await sql<{
    task_id: string;
    file_id: string;
    recipe: unknown;
    age_ms: number;
    known_for_ms: number;
    over_for_ms: number | null;
    waiters: { workflow_id: string; run_id: string }[];
  }>`
    select submission.task_id, erase.file_id, erase.recipe, ${msSince('submission.place_at')} as age_ms,
           extract(epoch from clock_timestamp() - coalesce(submission.answered_at, submission.place_at))::float8 * 1000
             as known_for_ms,
           ${msSince('submission.over_seen_at')} as over_for_ms,
           coalesce((select json_agg(json_build_object('workflow_id', workflow_id, 'run_id', run_id)) from waiter
                     where waiter.namespace = ${namespace} and waiter.task_id = submission.task_id), '[]') as waiters
    from submission join erase on erase.id = submission.erase_id
    where ${OPEN} and erase.sub_app_id = ${subAppId} and ${isOf(namespace)} and ${due} <= clock_timestamp()
    order by ${due} limit ${limit}`.execute(db);
  return rows.map((row) => ({
    taskId: row.task_id,
    fileId: row.file_id,
    recipe: row.recipe,
    ageMs: row.age_ms,
    knownForMs: row.known_for_ms,
    overForMs: row.over_for_ms,
    waiters: row.waiters.map((w) => ({ taskId: row.task_id, workflowId: w.workflow_id, runId: w.run_id })),
  }));
}

interface WaiterRow {
  task_id: string;
  workflow_id: string;
  run_id: string;
}

function toWaiter(row: WaiterRow): Waiter {
  return { taskId: row.task_id, workflowId: row.workflow_id, runId: row.run_id };
}

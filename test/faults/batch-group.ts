import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BatchSnapshot, noCounts } from '../../src/contract/batch.js';
import { runCli } from '../support/cli.js';
import { type BatchBooks, balanceBatch, endedOf, type Submission, snapshotProblems } from './batch-books.js';
import { BatchHouse } from './batch-house.js';
import { readReport } from './batch-report.js';
import { type BatchScene, faultsOf, planScene, VICTIMS, type Victim } from './batch-scene.js';
import { SUB_APP } from './house.js';
import { withPatience } from './patience.js';
import { NOTHING, type Totals } from './runner.js';
import type { SharedServers } from './servers.js';

export const BATCH = 'batch';

export interface BatchGroupOptions {
  seed: number;
  items: number;
}

const BATCH_ID = 'faults';
const LOOK_EVERY_MS = 250;
const SAY_EVERY_MS = 15_000;
/** A dead worker is noticed after half a minute, and an unknown outcome is settled after that; allows for a busy machine. */
const STANDS_STILL_MS = 180_000;
/** The command line reads and checks the backlog, or writes the report. */
const COMMAND_WITHIN_MS = 240_000;
const TOLD_AT_MOST = 20;

/** A batch by the command line, while everything that it needs is killed, again and again. Never throws. */
export async function runBatchGroup(
  { seed, items }: BatchGroupOptions,
  servers: SharedServers,
  say: (line: string) => void,
): Promise<Totals> {
  const name = `${BATCH} of ${items}, seed ${seed}`;
  const startedMs = performance.now();
  const scene = planScene(seed, items);
  let house: BatchHouse | undefined;
  try {
    house = await BatchHouse.start(servers, faultsOf(scene));
    const run = new BatchRun(house, scene, (line) => say(`${name}: ${line}`));
    const books = await run.toItsEnd();
    const { duplicates, lost, wrong } = balanceBatch(books);
    const problems = [...house.problems, ...run.problems, ...wrong];
    const all = [...duplicates, ...lost, ...problems];
    for (const line of all.slice(0, TOLD_AT_MOST)) say(`${name}: ${line}`);
    if (all.length > TOLD_AT_MOST) say(`${name}: and ${all.length - TOLD_AT_MOST} more`);
    if (all.length > 0) for (const line of house.diary.slice(-TOLD_AT_MOST)) say(`  ${line}`);
    const { counts } = books.snapshot;
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    say(
      `${name}: ${counts.succeeded} succeeded, ${counts.failed} failed, ${scene.strikes.length} strikes, ` +
        `${run.snapshots} snapshots, ${duplicates.length} duplicates, ${lost.length} lost, ${problems.length} problems, ${seconds} s`,
    );
    return {
      ...NOTHING,
      cells: 1,
      erases: items,
      faults: run.faults,
      duplicates: duplicates.length,
      lost: lost.length,
      problems: problems.length,
      wrong: all.slice(0, TOLD_AT_MOST).map((line) => `${name}: ${line}`),
    };
  } catch (error) {
    say(`${name}: broke: ${error instanceof Error ? error.stack : String(error)}`);
    for (const line of house?.diary.slice(-TOLD_AT_MOST) ?? []) say(`  ${line}`);
    return { ...NOTHING, problems: 1, wrong: [`${name}: broke: ${String(error)}`] };
  } finally {
    await house?.stop();
  }
}

class BatchRun {
  readonly problems: string[] = [];
  snapshots = 0;
  faults: number;
  private latest: BatchSnapshot | undefined;
  private over = false;

  constructor(
    private readonly house: BatchHouse,
    private readonly scene: BatchScene,
    private readonly say: (line: string) => void,
  ) {
    this.faults = scene.items.filter(({ fate }) => fate !== 'plain').length;
  }

  async toItsEnd(): Promise<BatchBooks> {
    await this.start();
    const beside = [this.strike(), this.deleteFiles()];
    try {
      const snapshot = await this.watch();
      this.over = true;
      await Promise.all(beside);
      return await this.books(snapshot);
    } finally {
      this.over = true;
      await Promise.allSettled(beside);
    }
  }

  private async start(): Promise<void> {
    const { house, scene } = this;
    const media = scene.items.map(({ fileId }) => ({ fileId, name: fileId, duration: 10, width: 1280, height: 720 }));
    await house.addFiles(media);
    const list = join(house.folder, 'list.csv');
    await writeFile(list, `fileId\n${scene.items.map(({ fileId }) => fileId).join('\n')}\n`);
    await house.startWorker();
    const source = [list, '--recipe', 'subtitles', '--sub-app-id', String(SUB_APP)];
    await this.command('start', ...source, '--id', BATCH_ID, '--yes', '-o', 'json');
    this.say('started');
  }

  /** Follows it to its end: whatever is read must add up, and something must happen now and then. */
  private async watch(): Promise<BatchSnapshot> {
    const { house, scene } = this;
    let [movedMs, saidMs] = [performance.now(), performance.now()];
    for (;;) {
      // While PostgreSQL is away nothing can be read.
      const now = await house.ledger.batches.snapshot(BATCH_ID).catch(() => null);
      if (now !== null) {
        this.snapshots += 1;
        this.problems.push(...snapshotProblems(now, this.latest, scene.items.length));
        if (this.latest === undefined || endedOf(now.counts) > endedOf(this.latest.counts)) movedMs = performance.now();
        this.latest = now;
        if (now.state === 'ended') return now;
      }
      if (performance.now() - movedMs > STANDS_STILL_MS) {
        throw new Error(`It stands still: ${JSON.stringify(this.latest)}\n${await this.whatStands()}`);
      }
      if (performance.now() - saidMs > SAY_EVERY_MS) {
        saidMs = performance.now();
        this.say(`${this.ended()} of ${scene.items.length} ended`);
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  private async strike(): Promise<void> {
    const struck = new Set<Victim>();
    for (const { at, victims, afterMs, downMs } of this.scene.strikes) {
      const inTime = await this.untilShare(at);
      // A machine that was busy with the strike before may be through with the rest.
      if (!inTime || this.ended() === this.scene.items.length) break;
      await sleep(afterMs);
      this.say(`${this.ended()} ended: ${victims.join(', ')} killed, away for ${downMs} ms`);
      this.faults += victims.length;
      for (const victim of victims) struck.add(victim);
      const again = await this.house.kill(victims);
      await sleep(downMs);
      await again();
    }
    const spared = VICTIMS.filter((victim) => !struck.has(victim));
    if (spared.length > 0) this.problems.push(`The batch ended before ${spared.join(', ')} could be killed.`);
  }

  private async deleteFiles(): Promise<void> {
    for (const { at, fileId } of this.scene.deletions) {
      await this.untilShare(at);
      await withPatience(() => this.house.simulator.removeMedia(fileId));
    }
  }

  /** @returns false when the batch ended before */
  private async untilShare(share: number): Promise<boolean> {
    while (this.latest === undefined || this.ended() < share * this.scene.items.length) {
      if (this.over) return false;
      await sleep(LOOK_EVERY_MS);
    }
    return true;
  }

  private ended(): number {
    return this.latest === undefined ? 0 : endedOf(this.latest.counts);
  }

  private async books(snapshot: BatchSnapshot): Promise<BatchBooks> {
    const { house, scene } = this;
    const folder = join(house.folder, 'report');
    await this.command('results', BATCH_ID, '--out', folder);
    const { rows: submissions } = await house.sql.query<Submission>(
      'select file_id, state, task_id, outcome from submission join erase on erase.id = erase_id',
    );
    const { rows: states } = await house.sql.query<{ state: 'succeeded'; count: number }>(
      'select state, count(*)::integer as count from batch_item group by state',
    );
    const { rows: caps } = await house.sql.query<{ usd: number }>(
      "select sum(spent_usd)::double precision as usd from cap where scope = 'all' and period = 'total'",
    );
    const counts = noCounts();
    for (const { state, count } of states) {
      counts[state] += count;
      counts.total += count;
    }
    const tasks = (await house.simulator.tasks()).filter(({ kind }) => kind === 'ProcessMediaByMPS');
    const countedUsd = caps[0]?.usd ?? Number.NaN;
    return { scene, tasks, submissions, counts, countedUsd, snapshot, report: await readReport(folder) };
  }

  private async command(...args: string[]): Promise<void> {
    const { code, stderr } = await runCli(['batch', ...args], this.house.env, { timeoutMs: COMMAND_WITHIN_MS });
    if (code !== 0) throw new Error(`smart-erase batch ${args[0]} ended with ${code}: ${stderr.trim()}`);
  }

  /** For debugging: what some open items wait for. */
  private async whatStands(): Promise<string> {
    const { rows } = await this.house.sql.query<{ workflow_id: string; item: string }>(
      `select workflow_id, to_jsonb(batch_item)::text as item from batch_item
       where state in ('running', 'held') order by number limit 3`,
    );
    const ids = [...rows.map(({ workflow_id }) => workflow_id), `batch/${BATCH_ID}`, `watch/${SUB_APP}`];
    const told = ids.map(async (workflowId) => {
      const { raw, status } = await this.house.temporal.workflow.getHandle(workflowId).describe();
      const pending = raw.pendingActivities?.map(
        ({ activityType, state, attempt, lastFailure, scheduledTime, lastStartedTime }) =>
          `${activityType?.name} ${state}, attempt ${attempt}, scheduled ${scheduledTime?.seconds}, started ${lastStartedTime?.seconds}: ${lastFailure?.message ?? ''}`,
      );
      const task = raw.pendingWorkflowTask;
      const waits = task
        ? `, a workflow task since ${task.originalScheduledTime?.seconds}, attempt ${task.attempt}`
        : '';
      return `${workflowId} ${status.name}${waits}: ${pending?.join('; ') || 'no activity is pending'}`;
    });
    const lines = await Promise.all(told.map((line) => line.catch(String)));
    return [...lines, ...rows.map(({ item }) => item)].join('\n');
  }
}

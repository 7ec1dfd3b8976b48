import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { subAppProblem } from '../../config/allowed-sub-apps.js';
import { retryDelayMs } from '../../contract/error-classes.js';
import type { WatchState } from '../../ledger/watch/watch-store.js';
import type { ActivityDependencies, WatchDependencies } from '../dependencies.js';
import { describeError } from '../shared/failures.js';
import { completeWaitingActivities } from './complete-waiting-activities.js';
import { isListed, listedUntil, listFinished, listFrom } from './list-finished.js';
import { type SweepDependencies, sweepTasks } from './sweep-tasks.js';

/** Between two heartbeats, in milliseconds; with the current findings, so that the UI shows them during the round. */
const HEARTBEAT_EVERY_MS = 5_000;
/** Lists of a round that follow quickly, while none has shown a task of ours. */
const PROVE_QUICKLY = 30;
/** Waits in one search for missed notifications. */
const OVERDUE_AT_MOST = 1_000;

export interface WatchInput {
  subAppId: number;
  /** The findings of the round before; null in the first one. */
  before: WatchReport | null;
}

/** What one round of the watch found. Times are ISO 8601. */
export interface WatchReport {
  /** When a list was last read to its end. */
  goodAt: string | null;
  /** The vendor's time up to which tasks were listed. */
  listedUntil: string | null;
  /** Accepted tasks without an outcome. */
  waiting: number;
  /** When the oldest of them was submitted. */
  oldestAt: string | null;
  /** For how long nothing has waited, in milliseconds. */
  idleForMs: number;
  /** Lists in a row that could not be read. */
  failures: number;
  /** Why the last one could not; null when it could. */
  problem: string | null;
  /** Nothing has waited for so long that the watch may end. */
  over: boolean;
}

const NOTHING_YET: WatchReport = {
  goodAt: null,
  listedUntil: null,
  waiting: 0,
  oldestAt: null,
  idleForMs: 0,
  failures: 0,
  problem: null,
  over: false,
};

/**
 * One round of the completion watch: every few seconds it lists the tasks of the sub-application that ended since the last list,
 * and completes the activities that wait for them, without the outcome. Its state is in the ledger: it may be killed, repeated,
 * or run twice.
 */
export function createWatchCompletions(deps: ActivityDependencies) {
  return async function watchCompletions({ subAppId, before }: WatchInput): Promise<WatchReport> {
    const { watch } = deps;
    // A worker without a watch does not run one that other workers may have started.
    if (watch === undefined || !watch.running.enabled) return { ...NOTHING_YET, over: true };
    // Any client may name any sub-application when it starts a workflow. A task submitted while it was allowed is polled.
    const problem = subAppProblem(subAppId, deps.allowedSubAppIds);
    if (problem !== null) return { ...NOTHING_YET, over: true, problem };
    return await new Round(deps, watch, subAppId, before ?? NOTHING_YET).run();
  };
}

class Round {
  private readonly context = Context.current();
  private readonly sweep: SweepDependencies;
  private readonly stop: AbortSignal;
  private readonly untilMs: number;
  private report: WatchReport;
  private idleSinceMs: number;
  private deepAtMs = Number.NEGATIVE_INFINITY;
  private sweepAtMs = Number.NEGATIVE_INFINITY;
  private backOffMs = 0;
  private provings = 0;

  constructor(
    private readonly deps: ActivityDependencies,
    private readonly watch: WatchDependencies,
    private readonly subAppId: number,
    before: WatchReport,
  ) {
    const { timings, stopping } = watch;
    this.stop = AbortSignal.any([stopping, this.context.cancellationSignal]);
    this.report = { ...before, over: false };
    this.idleSinceMs = performance.now() - before.idleForMs;
    this.untilMs = performance.now() + timings.roundMs;
    const { unownedGraceMs } = timings;
    this.sweep = {
      vod: deps.vod,
      ledger: deps.ledger,
      client: this.context.client,
      timings,
      unownedGraceMs,
      onMissed: (taskId) => this.missed(taskId),
    };
  }

  async run(): Promise<WatchReport> {
    const heartbeat = () => this.context.heartbeat(this.report);
    const timer = setInterval(heartbeat, HEARTBEAT_EVERY_MS);
    try {
      for (;;) {
        const startedMs = performance.now();
        await this.look();
        // The SDK throttles heartbeats to one in twenty-odd seconds: the first of a round must carry information.
        heartbeat();
        const nextMs = startedMs + this.waitMs();
        if (this.report.over) return this.report;
        await this.sleepUntil(nextMs);
        if (this.stop.aborted || performance.now() >= this.untilMs) return this.report;
      }
    } finally {
      clearInterval(timer);
    }
  }

  /** Back off after failed lists; waiting runs poll the vendor meanwhile. */
  private waitMs(): number {
    const { intervalMs, provingMs } = this.watch.timings;
    if (this.report.failures > 0) return Math.max(intervalMs, this.backOffMs);
    return this.provings < PROVE_QUICKLY ? Math.min(intervalMs, provingMs) : intervalMs;
  }

  private async look(): Promise<void> {
    try {
      const state = await this.deps.ledger.watch.state(this.subAppId);
      this.note(state);
      await this.list(state);
      const problem = await this.whyNotTrusted(state);
      if (problem === null) await this.deps.ledger.watch.recordFullScan(this.subAppId);
      const goodAt = problem === null ? new Date().toISOString() : this.report.goodAt;
      this.report = { ...this.report, goodAt, failures: 0, problem };
    } catch (error) {
      // An error caused by the shutdown is ignored.
      if (!this.stop.aborted) this.failed(error);
    }
    await this.sweepIfDue();
  }

  private note({ waiting, oldestMs, listedUntil: until }: WatchState): void {
    const nowMs = performance.now();
    if (waiting > 0) this.idleSinceMs = nowMs;
    const idleForMs = nowMs - this.idleSinceMs;
    this.report = {
      ...this.report,
      waiting,
      oldestAt: oldestMs === null ? null : new Date(Date.now() - oldestMs).toISOString(),
      listedUntil: until?.toISOString() ?? this.report.listedUntil,
      idleForMs,
      over: idleForMs >= this.watch.timings.idleEndMs,
    };
  }

  private async list(state: WatchState): Promise<void> {
    const { vod, ledger } = this.deps;
    const { lookbackMs, longLookbackMs, longLookbackEveryMs, notifiedGraceMs, unownedGraceMs } = this.watch.timings;
    const startedMs = performance.now();
    const deep = startedMs >= this.deepAtMs + longLookbackEveryMs;
    const from = listFrom(state, deep ? longLookbackMs : lookbackMs, Date.now());
    // Tasks whose end was seen by the watch of another namespace, or recorded by another run.
    await this.tell(await ledger.watch.overdueWaiters(this.subAppId, OVERDUE_AT_MOST));
    for await (const page of listFinished(vod, { subAppId: this.subAppId, from }, this.stop)) {
      const taskIds = page.filter((task) => task.isMps).map((task) => task.taskId);
      await this.tell(await ledger.watch.markOver(taskIds, { notifiedMs: notifiedGraceMs, unownedMs: unownedGraceMs }));
      const until = listedUntil(page, Date.now());
      if (until === null) continue;
      // Only now: a wait that could not be completed is found by the next list again.
      await ledger.watch.advance(this.subAppId, until);
      const reached = this.report.listedUntil;
      if (reached === null || until > new Date(reached)) this.report.listedUntil = until.toISOString();
    }
    if (deep) this.deepAtMs = startedMs;
  }

  /** A complete list is reliable only if it shows the tasks it should. */
  private async whyNotTrusted({ verified, gapAgeMs }: WatchState): Promise<string | null> {
    const { vod, ledger } = this.deps;
    const { distrustMs } = this.watch.timings;
    if (gapAgeMs !== null && gapAgeMs < distrustMs) {
      return `A task had ended that no list showed; lists are not trusted for ${Math.ceil((distrustMs - gapAgeMs) / 60_000)} minutes.`;
    }
    if (verified) {
      this.provings = PROVE_QUICKLY;
      return null;
    }
    this.provings += 1;
    const probe = await ledger.watch.probeTask(this.subAppId);
    if (probe === null) return 'No task of ours was there yet to try the list by.';
    if (!(await isListed(vod, this.subAppId, probe, this.stop))) {
      return `Task ${probe.taskId} exists, and the vendor does not list it yet.`;
    }
    await ledger.watch.noteList(this.subAppId, 'proven');
    this.provings = PROVE_QUICKLY;
    return null;
  }

  private async missed(taskId: string): Promise<void> {
    // A failed list has shown nothing, and the next one shows it.
    if (this.report.failures > 0) return;
    await this.deps.ledger.watch.noteList(this.subAppId, 'missed');
    this.report = { ...this.report, problem: `Task ${taskId} had ended, and no list showed it.` };
  }

  private async tell(waiters: Parameters<typeof completeWaitingActivities>[1]): Promise<void> {
    await completeWaitingActivities(this.sweep, waiters);
  }

  private async sweepIfDue(): Promise<void> {
    const nowMs = performance.now();
    if (this.stop.aborted || nowMs < this.sweepAtMs + this.watch.timings.sweepEveryMs) return;
    this.sweepAtMs = nowMs;
    try {
      await sweepTasks(this.sweep, this.subAppId, this.stop);
    } catch (error) {
      if (!this.stop.aborted && this.report.problem === null) {
        this.report = { ...this.report, problem: describeError(error).message };
      }
    }
  }

  private failed(error: unknown): void {
    const { errorClass, message } = describeError(error);
    const failures = this.report.failures + 1;
    // An unclassified error comes from the Temporal server, which was unavailable to complete the waits.
    this.backOffMs = retryDelayMs(errorClass === 'unexpected' ? 'unavailable' : errorClass, failures);
    this.report = { ...this.report, failures, problem: message };
  }

  private async sleepUntil(untilMs: number): Promise<void> {
    const ms = untilMs - performance.now();
    if (ms <= 0) return;
    await sleep(ms, undefined, { signal: this.stop }).catch(() => undefined);
  }
}

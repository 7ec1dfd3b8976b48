import { type Client, WorkflowIdConflictPolicy } from '@temporalio/client';
import { type Names, namesWith, WORKFLOW, watchWorkflowId } from '../../contract/names.js';
import type { Ledger } from '../../ledger/index.js';
import type { WatchTimings } from './timings.js';

/** How long a process caches the state of a watch, in milliseconds: ten thousand waits share one read. */
const KNOWN_MS = 2_000;
/** Between two checks whether a watch that was just started has completed a list, in milliseconds. */
const STARTUP_LOOK_MS = 250;
/** How long the count of waiting tasks is cached, in milliseconds. */
const COUNT_KNOWN_MS = 10_000;
/**
 * Polls a second over all that waits, without a watch: half of what the vendor documents for DescribeTaskDetail (100 a
 * second), so that fetches and others have room.
 */
const POLLS_PER_SECOND = 50;

/** What one process knows of the watches, and its part in keeping them running. */
export class RunningWatches {
  private readonly asked = new Map<number, number>();
  private readonly known = new Map<number, Known<boolean>>();
  private readonly starting = new Map<number, Known<boolean>>();
  private count: Known<number> | undefined;

  constructor(
    private readonly ledger: Pick<Ledger, 'watch'>,
    readonly enabled: boolean,
    private readonly timings: Pick<WatchTimings, 'freshMs' | 'ensureEveryMs' | 'startupMs'>,
    /** Called when a watch could not be started; the error is not reported elsewhere. */
    private readonly onProblem: (message: string) => void = () => undefined,
    private readonly names: Names = namesWith(''),
    /** Sub-applications that may be listed; others are only polled. */
    private readonly mayList: (subAppId: number) => boolean = () => true,
  ) {}

  /**
   * Ensures in the background that the sub-application has a watch. Never fails: without a watch, polls find every end, only
   * later.
   */
  ensureWatchRunning(subAppId: number, client: () => Client): void {
    if (!this.enabled || !this.mayList(subAppId)) return;
    const nowMs = performance.now();
    if (nowMs - (this.asked.get(subAppId) ?? Number.NEGATIVE_INFINITY) < this.timings.ensureEveryMs) return;
    this.asked.set(subAppId, nowMs);
    void startWatch(subAppId, client, this.names).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      this.onProblem(
        `The completion watch of sub-application ${subAppId} could not be started, so polls must do: ${why}`,
      );
    });
  }

  /** Starts every missing watch: tasks wait, and no list was completed for a while. */
  async ensureAllRunning(client: () => Client): Promise<void> {
    if (!this.enabled) return;
    const subApps = await this.ledger.watch.unwatched(this.timings.freshMs).catch(() => []);
    for (const subAppId of subApps) this.ensureWatchRunning(subAppId, client);
  }

  /** Whether the end of a task would be noticed. False where that cannot be found out. */
  async isFresh(subAppId: number): Promise<boolean> {
    if (!this.enabled || !this.mayList(subAppId)) return false;
    const known = this.known.get(subAppId);
    if (known !== undefined && performance.now() < known.untilMs) return known.value;
    return this.readFresh(subAppId);
  }

  /** The same, waiting for a watch that may have just been started. At most one such wait at a time: it holds activity slots. */
  async becomesFresh(subAppId: number): Promise<boolean> {
    if (await this.isFresh(subAppId)) return true;
    if (!this.enabled || !this.mayList(subAppId)) return false;
    const starting = this.starting.get(subAppId);
    if (starting !== undefined && performance.now() < starting.untilMs) return starting.value;
    const value = this.lookUntilFresh(subAppId);
    this.starting.set(subAppId, { value, untilMs: performance.now() + this.timings.ensureEveryMs });
    return value;
  }

  /** The least time between two polls of one task, in milliseconds, so that all polls together keep to the vendor's limits. */
  async pollSpacingMs(): Promise<number> {
    if (this.count === undefined || performance.now() >= this.count.untilMs) {
      const before = this.count?.value ?? Promise.resolve(0);
      const value = this.ledger.watch.waitingInAll().catch(() => before);
      this.count = { value, untilMs: performance.now() + COUNT_KNOWN_MS };
    }
    return ((await this.count.value) / POLLS_PER_SECOND) * 1_000;
  }

  private async lookUntilFresh(subAppId: number): Promise<boolean> {
    const untilMs = performance.now() + this.timings.startupMs;
    while (performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, STARTUP_LOOK_MS));
      if (await this.readFresh(subAppId)) return true;
    }
    return false;
  }

  private readFresh(subAppId: number): Promise<boolean> {
    const value = this.ledger.watch.fullScanAgeMs(subAppId).then(
      (ms) => ms !== null && ms < this.timings.freshMs,
      () => false,
    );
    this.known.set(subAppId, { value, untilMs: performance.now() + KNOWN_MS });
    return value;
  }
}

interface Known<T> {
  value: Promise<T>;
  /** On the monotonic clock. */
  untilMs: number;
}

/** Returns the running watch, if there is one. */
async function startWatch(subAppId: number, client: () => Client, { prefix, queue }: Names): Promise<void> {
  await client().workflow.start(WORKFLOW.completionWatch, {
    workflowId: watchWorkflowId(subAppId, prefix),
    taskQueue: queue.main,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    args: [{ subAppId }],
    staticSummary: `Which tasks of sub-application ${subAppId} are over`,
  });
}

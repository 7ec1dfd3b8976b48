import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { BatchSnapshot } from '../../contract/batch.js';
import { EXIT, type ExitCode } from '../../contract/error-classes.js';
import { LedgerError } from '../../ledger/db/ledger-error.js';
import type { Ledger } from '../../ledger/index.js';
import { outputOf } from '../command-context.js';
import { Exit } from '../exit.js';
import { withLedger } from '../holds.js';
import { interruptible } from '../interrupt.js';
import { duration } from '../option-parsers.js';
import type { Output } from '../output.js';
import { Progress } from '../progress.js';
import { noSuchBatch, refuseOtherNamespace } from './control.js';
import { countsInWords, moneyInWords, SNAPSHOT_COLUMNS, snapshotLines, stateInWords } from './snapshot-lines.js';

/** Interval of ledger reads, in milliseconds. */
const LOOK_EVERY_MS = 1_000;
/** Interval of output lines without a terminal, in milliseconds. */
const DEFAULT_EVERY_MS = 60_000;
/** Without a terminal, the command ends when a batch that needs a person has not changed for this long, in milliseconds. */
const STUCK_MS = 5_000;
/** How long an unavailable ledger is retried, in milliseconds. */
const AWAY_MS = 5 * 60_000;
/** After this long without a change, in milliseconds, it suggests that no worker runs. */
const SILENT_MS = 60_000;

export function batchWatchCommand(): Command {
  return new Command('watch')
    .description('follow a batch to its end')
    .argument('<id>', 'of the batch')
    .option('--every <time>', 'where there is no terminal: from one line to the next (default: 1m)', duration)
    .addHelpText(
      'after',
      '\nExit codes: 0 when every item succeeded or was reused, 6 when the batch ended otherwise. Without a terminal it also ends\n' +
        'when the batch waits for a person: 7 for a breaker, 10 for a cap or its budget, 8 for its sample or while paused.\n\n' +
        'Example:\n  smart-erase batch watch library-2026-05\n  smart-erase batch watch library-2026-05 --every 10s -o jsonl',
    )
    .action(async (id: string, { every }: { every?: number }, command: Command) => {
      const output = outputOf(command);
      const code = await withLedger(async (ledger) => {
        await refuseOtherNamespace(ledger, id);
        return await watchBatch(output, ledger, id, { everyMs: every });
      });
      if (code !== EXIT.ok) throw new Exit(code);
    });
}

/**
 * Shows a batch until it ends. Ctrl-C ends only the display, and prints the command that resumes it.
 * @returns the exit code for the batch's outcome
 */
export async function watchBatch(
  output: Output,
  ledger: Ledger,
  id: string,
  { everyMs = DEFAULT_EVERY_MS }: { everyMs?: number } = {},
): Promise<ExitCode> {
  const again = () => output.say(`The batch runs on. Come back with: smart-erase batch watch ${id}`);
  const follow = async (signal: AbortSignal) => {
    const shown = new Shown(output, everyMs);
    const patient = new PatientReader(output, () => ledger.batches.snapshot(id));
    for (;;) {
      const snapshot = await patient.read(signal);
      if (snapshot === null) throw noSuchBatch(id);
      const code = exitOf(snapshot) ?? (output.live ? null : stuckCode(snapshot, shown.unchangedMs(snapshot)));
      if (code !== null) {
        shown.end(snapshot);
        return code;
      }
      shown.show(snapshot);
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  };
  return await interruptible(again, follow, { onlyShows: true });
}

/** Retries while the ledger is unavailable for a short time, since the batch runs on. */
class PatientReader {
  constructor(
    private readonly output: Output,
    private readonly snapshot: () => Promise<BatchSnapshot | null>,
  ) {}

  /** @throws LedgerError at once if permanent, or after {@link AWAY_MS} if unavailable */
  async read(signal: AbortSignal): Promise<BatchSnapshot | null> {
    const since = performance.now();
    for (let told = false; ; told = true) {
      try {
        return await this.snapshot();
      } catch (error) {
        if (!(error instanceof LedgerError) || error.kind !== 'unavailable' || performance.now() - since > AWAY_MS)
          throw error;
        if (!told) this.output.say(`${error.message} The batch runs on; it is looked at again.`);
        await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }
}

/** Exit code of an ended batch; null while it runs. */
export function exitOf({ state, counts: { failed, timedOut, cancelled, skipped } }: BatchSnapshot): ExitCode | null {
  if (state !== 'ended') return null;
  return failed + timedOut + cancelled + skipped > 0 ? EXIT.finishedWithFailures : EXIT.ok;
}

/** Exit code when only a person can let the batch continue; else null. */
export function stuckCode(
  { state, waitingFor, counts, inReview }: BatchSnapshot,
  unchangedMs: number,
): ExitCode | null {
  if (counts.running > inReview || unchangedMs < STUCK_MS) return null;
  if (state === 'paused') return EXIT.stillRunning;
  const waits = counts.held + inReview > 0;
  switch (waitingFor) {
    case 'breaker':
      return EXIT.accountBlocked;
    case 'cap':
    case 'budget':
      return EXIT.capReached;
    case 'sample':
      return EXIT.stillRunning;
    case 'tolerance':
      return waits ? EXIT.stillRunning : null;
    default:
      return waits && (counts.pending === 0 || unchangedMs > SILENT_MS) ? EXIT.stillRunning : null;
  }
}

/** A live block on a terminal; elsewhere a line at each interval. */
class Shown {
  private readonly progress: Progress;
  private lastLineAt = Number.NEGATIVE_INFINITY;
  private last = '';
  private changedAt = performance.now();
  private asked = false;

  constructor(
    private readonly output: Output,
    private readonly everyMs: number,
  ) {
    this.progress = new Progress(output);
  }

  /** Time since the last change, in milliseconds. */
  unchangedMs({ state, waitingFor, counts, inReview, spentUsd }: BatchSnapshot): number {
    const now = JSON.stringify([state, waitingFor, counts, inReview, spentUsd]);
    if (now !== this.last) this.changedAt = performance.now();
    this.last = now;
    return performance.now() - this.changedAt;
  }

  show(snapshot: BatchSnapshot): void {
    const waitsForPerson = snapshot.waitingFor !== null || snapshot.state === 'paused' || snapshot.inReview > 0;
    const silent = this.unchangedMs(snapshot) > SILENT_MS && !waitsForPerson;
    if (this.output.live && this.output.format === 'table') {
      this.progress.update(silent ? [...snapshotLines(snapshot), NOBODY] : snapshotLines(snapshot));
      return;
    }
    if (silent && !this.asked) this.output.say(NOBODY);
    this.asked = silent;
    if (performance.now() - this.lastLineAt < this.everyMs) return;
    this.lastLineAt = performance.now();
    if (this.output.format === 'jsonl') this.output.line(snapshot);
    else this.output.say(plainLine(snapshot));
  }

  end(snapshot: BatchSnapshot): void {
    this.progress.end();
    this.output.one(snapshot, SNAPSHOT_COLUMNS);
    const advice = adviceFor(snapshot);
    if (advice !== null) this.output.say(advice);
  }
}

const NOBODY = 'Nothing has changed for a minute. Does a worker run? `smart-erase doctor` looks.';

function plainLine(snapshot: BatchSnapshot): string {
  const { asOf, counts, inReview, submitsPerSecond, etaAt } = snapshot;
  const parts = [
    asOf,
    stateInWords(snapshot),
    countsInWords(counts),
    `${submitsPerSecond} submits/s`,
    moneyInWords(snapshot),
  ];
  if (inReview > 0) parts.push(`${inReview} in review`);
  if (etaAt !== null) parts.push(`ends about ${etaAt}`);
  return parts.join(' · ');
}

export function adviceFor({ batchId, state, waitingFor, counts, inReview }: BatchSnapshot): string | null {
  if (state === 'ended') {
    const failed = counts.failed + counts.timedOut + counts.cancelled + counts.skipped > 0;
    return failed ? `What failed, and why: smart-erase batch results ${batchId} --out report` : null;
  }
  if (state === 'paused') return `It is paused. Go on with: smart-erase batch resume ${batchId} --reason "…"`;
  switch (waitingFor) {
    case 'breaker':
      return 'Put the account right, then: smart-erase resume --all --reason "…"';
    case 'cap':
      return 'Raise the cap with `smart-erase cap set`, then: smart-erase resume --all --reason "…"';
    case 'budget':
      return `Raise the budget: smart-erase batch set ${batchId} --max-cost USD --reason "…"`;
    case 'sample':
      return `Look at the results, then: smart-erase batch go ${batchId} --reason "…"`;
    default:
      if (inReview > 0) return `${inReview} results wait for somebody's approval: smart-erase review list`;
      return 'What is left is held for an operator: smart-erase list --phase held';
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/common';
import { LedgerError } from '../../../ledger/db/ledger-error.js';
import type { SubmissionAttempt } from '../../../ledger/submissions/submission.js';
import type { SubmissionStore } from '../../../ledger/submissions/submission-store.js';
import { type Refusals, type Slot, SlotMissedError } from '../../../rate-limit/index.js';
import { SIGNATURE_EXPIRED } from '../../../tencent-vod/sdk-caller.js';
import type { SubmitConnection } from '../../../tencent-vod/vod-api.js';
import { VodError } from '../../../tencent-vod/vod-error.js';
import type { LastCheck } from './breaker-check.js';
import type { OpenAhead } from './open-ahead.js';

/** How long before its slot a submit checks for the last time whether it may be sent, in milliseconds. Ours: a slow statement. */
const LAST_LOOK_MS = 100;
/** A process that is late by seconds this often is overloaded: it gives the activity back, so that another may take it. */
const MOST_MISSED = 5;

export interface Sending<T, S> {
  /** Ends the wait, never the call: the result of a sent call must be known. */
  cancel: AbortSignal;
  /** Another slot, when one was missed. */
  acquire: () => Promise<Slot>;
  opening: OpenAhead;
  lastLook: LastCheck<S>;
  /** `leaving` is called right before the request is written; an error that it throws cancels the call. */
  call: (options: { connection: SubmitConnection | undefined; leaving: () => void }) => Promise<T>;
  /** The vendor refused the call for the rate. */
  onRefused: (refusals: Refusals) => void;
}

/**
 * Makes the call in its slot, and releases the slot after the answer. A missed slot is replaced; so, once, is one whose signature
 * was refused as too old, since the vendor counted that call without executing it.
 *
 * @throws CancelledFailure when nothing was sent; VodError when no connection can be opened, or of the call
 */
export async function sendInSlot<T, S>(
  submissions: Pick<SubmissionStore, 'reschedule'>,
  submission: SubmissionAttempt,
  firstSlot: Slot,
  sending: Sending<T, S>,
): Promise<{ kind: 'answered'; answer: T } | { kind: 'stopped'; by: S }> {
  let slot = firstSlot;
  let signedAgain = false;
  let missed = 0;
  for (;;) {
    try {
      return await inSlot(slot, sending);
    } catch (error) {
      const isExpired = error instanceof VodError && error.code === SIGNATURE_EXPIRED;
      if (!(error instanceof SlotMissedError) && (!isExpired || signedAgain)) throw error;
      if (isExpired) signedAgain = true;
      else missed += 1;
    }
    if (missed === MOST_MISSED) {
      throw new LedgerError(
        'unavailable',
        `This worker missed ${MOST_MISSED} slots by seconds: it, or the ledger, is too slow to submit anything.`,
      );
    }
    slot = await sending.acquire();
    try {
      await submissions.reschedule(submission, slot.dueAt);
    } catch (error) {
      void giveBack(slot);
      throw error;
    }
  }
}

async function inSlot<T, S>(
  slot: Slot,
  { cancel, opening, lastLook, call, onRefused }: Sending<T, S>,
): Promise<{ kind: 'answered'; answer: T } | { kind: 'stopped'; by: S }> {
  let left = false;
  try {
    await slot.untilDue({ earlierMs: LAST_LOOK_MS, signal: cancel });
    throwIfCancelled(cancel);
    do {
      const by = await lastLook.check();
      if (by !== null) return { kind: 'stopped', by };
      await opening.ready();
      await slot.untilDue({ signal: cancel });
      throwIfCancelled(cancel);
    } while (lastLook.isStale());
    const leaving = () => {
      slot.leave();
      left = true;
    };
    const answer = await call({ connection: opening.connection, leaving });
    // A failed release costs this slot eight seconds, so it is not awaited.
    slot.release('accepted').catch(() => undefined);
    return { kind: 'answered', answer };
  } catch (error) {
    // Without an answer it is unknown when the call is counted: the slot expires by itself.
    if (left && error instanceof VodError && error.requestId !== null) {
      const isRefused = error.class === 'throttled';
      const released = slot.release(isRefused ? 'refused' : 'other').catch(() => null);
      // Any other refusal may open a breaker, which must be written first.
      const refusals = isRefused ? await released : null;
      if (refusals !== null) onRefused(refusals);
    }
    throw error;
  } finally {
    if (!left) void giveBack(slot);
  }
}

/** Nothing was sent in it. */
export async function giveBack(slot: Slot): Promise<void> {
  // It also expires by itself, some seconds later.
  await slot.giveBack().catch(() => undefined);
}

function throwIfCancelled(cancel: AbortSignal): void {
  if (cancel.aborted) throw new CancelledFailure('Cancelled before the submit was sent.');
}

/** Waits between tries of a write that records the outcome of a paid call, in milliseconds. */
const WRITE_RETRY_DELAYS_MS = [100, 250, 500, 1_000, 2_000, 4_000];

/**
 * Repeats a ledger write while the ledger is unreachable. If that lasts, the submission's outcome remains unknown, and the next
 * attempt reconciles it.
 */
export async function keepTrying<T>(write: () => Promise<T>): Promise<T> {
  for (const delayMs of WRITE_RETRY_DELAYS_MS) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof LedgerError) || error.kind !== 'unavailable') throw error;
      await sleep(delayMs);
    }
  }
  return await write();
}

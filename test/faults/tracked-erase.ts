import { setTimeout as sleep } from 'node:timers/promises';
import { EraseCancelledError, EraseFailedError } from '../../src/client.js';
import { PHASE, REVIEW_UPDATE, SEARCH_ATTRIBUTE, UPDATE } from '../../src/contract/names.js';
import type { EraseFailureDetails, EraseRequest, EraseResult } from '../../src/contract/request.js';
import type { House } from './house.js';
import type { Ending } from './matrix.js';
import { withPatience } from './patience.js';

/** How a run ended, as a caller of our client sees it. */
export type End =
  | { kind: 'succeeded'; result: EraseResult }
  | { kind: 'failed' | 'cancelled'; details: EraseFailureDetails }
  | { kind: 'held'; code: string | null; message: string }
  | { kind: 'open'; why: string };

/** One erase of a cell, from its start to its end. */
export class TrackedErase {
  workflowId = '';
  end: End | undefined;
  /** What the suite did to it, for its story. */
  readonly deeds: string[] = [];

  constructor(
    readonly house: House,
    readonly cell: string,
    readonly request: EraseRequest,
    readonly ends: Ending,
    readonly options: {
      because?: RegExp;
      /** An operator ends its holds by `retry`. */
      operator?: boolean;
      /** A reviewer approves its result. */
      reviewer?: boolean;
      /** Tasks of the same file and recipe that other programs started. */
      foreignTasks?: Set<string>;
    } = {},
  ) {}

  deed(what: string): void {
    this.deeds.push(`${new Date().toISOString()} ${what}`);
  }

  async start(request: EraseRequest = this.request): Promise<void> {
    const handle = await withPatience(() => this.house.client.start(request));
    this.workflowId = handle.workflowId;
    this.deed(`started as ${handle.workflowId}`);
  }

  get run() {
    return this.house.temporal.workflow.getHandle(this.workflowId);
  }

  /** The phase that the run last reported to the server; some phases are not reported. */
  async phase(): Promise<string | undefined> {
    const { searchAttributes } = await this.run.describe();
    return searchAttributes[SEARCH_ATTRIBUTE.phase]?.[0] as string | undefined;
  }

  async terminate(): Promise<void> {
    await this.run.terminate('the fault suite');
    this.deed('terminated');
  }

  /** As `temporal workflow reset --type FirstWorkflowTask`. */
  async reset(): Promise<void> {
    const { runId } = await this.run.describe();
    const { namespace, temporal } = this.house;
    const { history } = await temporal.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId: this.workflowId, runId },
    });
    const first = history?.events?.find((event) => event.workflowTaskCompletedEventAttributes);
    if (!first) throw new Error(`${this.workflowId} has not completed a task yet.`);
    await temporal.workflowService.resetWorkflowExecution({
      namespace,
      workflowExecution: { workflowId: this.workflowId, runId },
      reason: 'the fault suite',
      requestId: `${runId}-${this.deeds.length}`,
      workflowTaskFinishEventId: first.eventId,
    });
    this.deed('reset to its first task');
  }

  async operatorDecides(update: keyof typeof UPDATE): Promise<void> {
    await this.run.executeUpdate(UPDATE[update], { args: [{ by: 'operator', reason: 'the fault suite' }] });
    this.deed(`an operator decided: ${update}`);
  }

  private async approve(): Promise<void> {
    await this.run.executeUpdate(REVIEW_UPDATE.approve, { args: [{ by: 'reviewer', reason: 'the fault suite' }] });
    this.deed('a reviewer approved');
  }

  /** Waits for the end, acting as the operator or the reviewer where the cell has one. A hold without a decision is an end. */
  async waitForEnd(deadlineMs: number): Promise<End> {
    let why = 'it was never seen';
    while (performance.now() < deadlineMs) {
      try {
        const end = await this.look();
        if (end !== undefined) {
          this.end = end;
          return end;
        }
        why = `its last phase was ${await this.phase()}`;
      } catch (error) {
        why = error instanceof Error ? error.message : String(error);
      }
      await sleep(400);
    }
    this.end = { kind: 'open', why };
    return this.end;
  }

  private async look(): Promise<End | undefined> {
    const { status } = await this.run.describe();
    if (status.name === 'RUNNING') {
      const phase = await this.phase();
      if (phase === PHASE.review && this.options.reviewer === true) await this.approve();
      if (phase !== PHASE.held) return undefined;
      const { held } = await this.house.client.getHandle(this.workflowId).status();
      if (held === null || held === undefined) return undefined;
      if (this.options.operator !== true) return { kind: 'held', code: held.code, message: held.message };
      await this.operatorDecides('retry');
      return undefined;
    }
    try {
      return { kind: 'succeeded', result: await this.house.client.getHandle(this.workflowId).result({ wait: false }) };
    } catch (error) {
      if (error instanceof EraseCancelledError) return { kind: 'cancelled', details: error };
      if (error instanceof EraseFailedError) return { kind: 'failed', details: error };
      throw error;
    }
  }
}

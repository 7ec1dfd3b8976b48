import type { EraseRequest } from '../../src/contract/request.js';
import type { Stage } from './crossings-stage.js';
import type { House } from './house.js';
import type { TrackedErase } from './tracked-erase.js';

/** What the soak did, for its end and the comparison. */
export interface Soaked {
  readonly stage: Stage;
  readonly erases: TrackedErase[];
  /** Batches that were asked for; whether they came about the ledger knows. */
  readonly batchIds: string[];
  readonly files: EraseRequest[];
  /** By file: how often an operator approved another submit after an unknown outcome. */
  readonly leaves: Map<string, number>;
  /** By name, how many commands came to something. */
  readonly commands: Map<string, number>;
  readonly problems: string[];
}

export async function openRuns(house: House): Promise<string[]> {
  const ids: string[] = [];
  const query = "ExecutionStatus = 'Running' AND WorkflowType = 'erase'";
  for await (const { workflowId } of house.temporal.workflow.list({ query })) ids.push(workflowId);
  return ids.sort();
}

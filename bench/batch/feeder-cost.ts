import { readFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';

export interface FeederCost {
  runs: number;
  events: number;
  mostEvents: number;
  mostBytes: number;
}

/** Over all runs of a workflow id, as the server counts them. */
export async function feederCost(temporal: Client, workflowId: string): Promise<FeederCost> {
  const cost: FeederCost = { runs: 0, events: 0, mostEvents: 0, mostBytes: 0 };
  for await (const { runId } of temporal.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
    const { historyLength, historySize } = await temporal.workflow.getHandle(workflowId, runId).describe();
    cost.runs += 1;
    cost.events += historyLength;
    cost.mostEvents = Math.max(cost.mostEvents, historyLength);
    cost.mostBytes = Math.max(cost.mostBytes, historySize ?? 0);
  }
  return cost;
}

/** Most memory that the process ever had resident, in MB, by Linux; 0 once it has ended. */
export function peakMb(pid: number): number {
  try {
    const kb = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Math.round(Number(kb ?? 0) / 1_024);
  } catch {
    return 0;
  }
}

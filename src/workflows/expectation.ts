import { workflowInfo } from '@temporalio/workflow';
import type { Expectation } from '../contract/request.js';

/** What a run waits for, so that a decision can refer to it. Null: nothing. */
export interface Waiting {
  phase: string;
  class: string | null;
  submission: number | null;
  /** Null also for a hold written by a worker that predates the field. */
  since: string | null;
  taskId: string | null;
}

/** Why a decision's expectation does not match the run; null when it matches or is absent. */
export function notExpected(expect: Expectation | undefined, waiting: Waiting): string | null {
  if (expect === undefined) return null;
  const { workflowId, runId } = workflowInfo();
  const { phase, ...now } = { ...waiting, runId };
  const differs = (Object.keys(expect) as (keyof Expectation)[]).some(
    (field) =>
      expect[field] !== undefined && expect[field] !== now[field] && !(field === 'since' && isUnknown(waiting)),
  );
  if (!differs) return null;
  return (
    `This decision was made for something else, so nothing was done. It was made for ${words(expect)}; ` +
    `now there is ${words({ ...now, submission: now.submission ?? undefined })}, ${phase}. Look again with \`smart-erase status\` (${workflowId}), then decide about what is there.`
  );
}

function isUnknown({ class: errorClass, since }: Waiting): boolean {
  return errorClass !== null && since === null;
}

function words({ runId, class: errorClass, submission, since, taskId }: Nullable<Expectation>): string {
  const parts = [
    runId && `run ${runId}`,
    errorClass && `a hold of class ${errorClass}`,
    submission === null ? 'no submission in doubt' : submission && `submission ${submission}`,
    taskId && `task ${taskId}`,
    since && `since ${since}`,
  ];
  return parts.filter((part) => part).join(', ');
}

type Nullable<T> = { [K in keyof T]?: T[K] | null };

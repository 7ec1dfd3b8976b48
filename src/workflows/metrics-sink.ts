import { proxySinks, type Sinks } from '@temporalio/workflow';

/** How a run ended, for the metrics: `reused` is a success that cost nothing. */
export type EraseEnd = 'succeeded' | 'reused' | 'failed' | 'cancelled';

/** A sink from the workflow to its worker's metrics. It is not in the history, and not called during a replay. */
export interface EraseSinks extends Sinks {
  erases: {
    /** `errorClass` of a failed run; null otherwise. */
    ended(end: EraseEnd, errorClass: string | null): void;
  };
}

export const { erases } = proxySinks<EraseSinks>();

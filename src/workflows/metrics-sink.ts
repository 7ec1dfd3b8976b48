import { proxySinks, type Sinks } from '@temporalio/workflow';

/** How a run ended, as it is counted: `reused` is a success that cost nothing. */
export type EraseEnd = 'succeeded' | 'reused' | 'failed' | 'cancelled';

/** Leads out of the workflow into its worker's metrics. In no history; not called again in a replay. */
export interface EraseSinks extends Sinks {
  erases: {
    /** `errorClass` of one that failed; null otherwise. */
    ended(end: EraseEnd, errorClass: string | null): void;
  };
}

export const { erases } = proxySinks<EraseSinks>();

import { isDeepStrictEqual } from 'node:util';
import type { BatchSettings } from '../../contract/batch.js';
import type { BatchState, BatchWaitingFor } from '../db/schema.js';
import type { BatchChange, BatchRecord } from './batch-store.js';

export interface ChangedColumns {
  state: BatchState;
  settings: BatchSettings;
  waitingFor: BatchWaitingFor | null;
  samplePassed: boolean;
}

/**
 * The effect of an operator's command on a batch; pure, so that a table can list every case. A drained batch can be resumed,
 * since items not started are given up only at its end; a cancelled one cannot.
 */
export function changeOf(batch: BatchRecord, { action, settings }: BatchChange): ChangedColumns | 'same' | 'tooLate' {
  const { state } = batch;
  if (state === 'ended' || state === 'cancelling') {
    return state === 'cancelling' && action === 'cancel' ? 'same' : 'tooLate';
  }
  const now: ChangedColumns = {
    state,
    settings: batch.settings,
    waitingFor: batch.waitingFor,
    samplePassed: batch.samplePassedAt !== null,
  };
  switch (action) {
    case 'pause':
      return state === 'paused' ? 'same' : { ...now, state: 'paused', waitingFor: null };
    case 'resume':
      return state === 'running' ? 'same' : { ...now, state: 'running' };
    case 'drain':
      return state === 'draining' ? 'same' : { ...now, state: 'draining', waitingFor: null };
    case 'cancel':
      return { ...now, state: 'cancelling', waitingFor: null };
    case 'go':
      if (batch.samplePassedAt !== null || batch.settings.sampleSize === null) return 'same';
      return { ...now, samplePassed: true, waitingFor: batch.waitingFor === 'sample' ? null : batch.waitingFor };
    case 'set': {
      const after = { ...batch.settings, ...settings };
      if (isDeepStrictEqual(after, batch.settings)) return 'same';
      return { ...now, settings: after };
    }
  }
}

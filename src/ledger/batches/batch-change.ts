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
 * What an operator's wish does to a batch; pure, so that every case can be shown by a table. A batch that is drained can
 * be resumed, as what was not started is given up only at its end; one that is cancelled cannot.
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

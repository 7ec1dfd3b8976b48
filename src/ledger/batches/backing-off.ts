import { type Kysely, sql } from 'kysely';
import type { LedgerDatabase } from '../db/schema.js';
import type { BackingOff } from './batch-feed-store.js';
import { ITEM_IDENTITY } from './item-identity.js';

const NONE: BackingOff = { backingOff: 0, backingOffCode: null, sentAgain: 0 };

/**
 * Which unsubmitted items of a batch wait for their own file, by the vendor's answer to their last submit. An error without a
 * RequestId is a network error, which affects all items; so does a rate refusal.
 */
export async function backingOff(
  db: Kysely<LedgerDatabase>,
  batchId: string,
  unsubmitted: number,
): Promise<BackingOff> {
  if (unsubmitted === 0) return NONE;
  const { rows } = await sql<BackingOff>`
    with newest as materialized (
      select case
        when last.state = 'sending' and last.arms > 1 and last.error_class is null then 'sentAgain'
        when last.state = 'refused' and last.error_class = 'retry' and last.request_id is not null
          and last.answered_at > item.started_at then 'backingOff'
      end as waits, last.error_code
      from batch_item item cross join lateral (
        select submission.state, arms, error_class, error_code, request_id, answered_at
        from erase join submission on submission.erase_id = erase.id
        where ${ITEM_IDENTITY} order by submission.number desc limit 1
      ) last
      where item.batch_id = ${batchId} and item.state = 'running' and item.submitted_at is null
    )
    select count(*) filter (where waits = 'backingOff')::integer as "backingOff",
      mode() within group (order by error_code) filter (where waits = 'backingOff') as "backingOffCode",
      count(*) filter (where waits = 'sentAgain')::integer as "sentAgain"
    from newest`.execute(db);
  return rows[0] ?? NONE;
}

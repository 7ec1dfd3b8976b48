import { type Kysely, sql } from 'kysely';
import type { LedgerDatabase } from '../db/schema.js';

export const COST_GROUPS = ['day', 'batch', 'recipe', 'requestedBy'] as const;
export type CostGroup = (typeof COST_GROUPS)[number];

export interface CostFilter {
  by: CostGroup;
  /** Submits from this time on. */
  since?: Date;
  subAppId?: number;
}

/** What the submits of one group come to. */
export interface CostRow {
  /** The day in UTC, the batch, the recipe's name, or who asked; null where none was given. */
  group: string | null;
  /** Files and recipes, each once. */
  erases: number;
  /** Submits that the vendor accepted. */
  accepted: number;
  /** Of those, submits for a file and recipe that were accepted before: ordered by `payAgain`, or after a failed task. */
  paidAgain: number;
  /** Submits with an unknown outcome, and those in flight. */
  ambiguous: number;
  /** Estimated, in USD; what is ambiguous counts as spent, what was refused or aborted before it ran does not. */
  usd: number;
  /** The part of `usd` that is ambiguous. */
  ambiguousUsd: number;
}

const KEY = {
  day: sql`to_char(submission.place_at at time zone 'UTC', 'YYYY-MM-DD')`,
  batch: sql`submission.batch_id`,
  recipe: sql`erase.recipe->>'name'`,
  requestedBy: sql`submission.requested_by`,
} as const satisfies Record<CostGroup, unknown>;

type Counted = Record<keyof CostRow, string | null>;

/** In order of their names; that without a name last. */
export async function reportCosts(db: Kysely<LedgerDatabase>, { by, since, subAppId }: CostFilter): Promise<CostRow[]> {
  // Whether it was paid for before is looked up in the whole ledger, not only in the part that the report covers.
  const { rows } = await sql<Counted>`
    select ${KEY[by]} as "group",
      count(distinct submission.erase_id) as erases,
      count(*) filter (where state = 'accepted') as accepted,
      count(*) filter (where state = 'accepted' and exists (
        select from submission as before join erase as paid on paid.id = before.erase_id
        where paid.sub_app_id = erase.sub_app_id and paid.file_id = erase.file_id and paid.recipe_hash = erase.recipe_hash
          and before.state = 'accepted' and before.place_at < submission.place_at)) as "paidAgain",
      count(*) filter (where state in ('sending', 'unknown')) as ambiguous,
      coalesce(sum(cost_usd) filter (where cost_day is not null), 0) as usd,
      coalesce(sum(cost_usd) filter (where cost_day is not null and state in ('sending', 'unknown')), 0) as "ambiguousUsd"
    from submission join erase on erase.id = submission.erase_id
    where state <> 'refused'
      and (${since ?? null}::timestamptz is null or submission.place_at >= ${since ?? null}::timestamptz)
      and (${subAppId ?? null}::bigint is null or erase.sub_app_id = ${subAppId ?? null}::bigint)
    group by 1 order by 1 nulls last`.execute(db);
  return rows.map((row) => ({
    group: row.group,
    erases: Number(row.erases),
    accepted: Number(row.accepted),
    paidAgain: Number(row.paidAgain),
    ambiguous: Number(row.ambiguous),
    usd: Number(row.usd),
    ambiguousUsd: Number(row.ambiguousUsd),
  }));
}

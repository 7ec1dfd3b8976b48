import { type Kysely, sql } from 'kysely';
import { CREATE_TABLES } from '../../../rate-limit/index.js';

/** More than are ever wanted: the rest would be made when it is asked for, and free only seconds later. */
const SLOTS = 100;

/**
 * Slots instead of a pace. A worker of before finds no `pace` any more, says that its schema is another one, and submits nothing. What
 * it sent last has arrived before the first slot is due.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of CREATE_TABLES) await sql.raw(statement).execute(db);
  await sql`insert into rate_limit (name, next_at)
    select 'submit', greatest('-infinity', max(last_at) + interval '8 seconds') from pace`.execute(db);
  await sql`insert into rate_limit_slot (name, id) select 'submit', generate_series(1, ${SLOTS}::integer)`.execute(db);
  await sql`drop table pace`.execute(db);
}

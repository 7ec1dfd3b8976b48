import { sql } from 'kysely';

/** Payment identity of an item, joined to the submissions. */
export const ITEM_IDENTITY = sql`erase.sub_app_id = item.sub_app_id and erase.file_id = item.file_id
  and erase.recipe_hash = item.recipe_hash and erase.pay_token = coalesce(item.request->'payAgain'->>'token', '')`;

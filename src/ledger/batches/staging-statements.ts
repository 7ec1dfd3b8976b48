import { kindOf, standingOf } from '../submissions/standing.js';

/** All tables that the statements below name; each backlog has its own, see {@link tablesOf}. */
export const TABLES = ['staged', 'staged_price', 'staged_problem', 'staged_problem_sorted', 'staged_unread'];

/** A statement, on the tables of one backlog: "staged_price" becomes "staged_3fa2_price". */
export function tablesOf(backlog: string, statement: string): string {
  return statement.replaceAll(/\bstaged(_[a-z_]+)?\b/g, `staged_${backlog}$1`);
}

/**
 * The statements on a backlog during import. The database does all of it, on sets: this program's memory does not grow with the
 * number of rows.
 */

/** Neither logged nor replicated: rows lost by a crash of the server are imported again. */
export const CREATE = [
  `create unlogged table staged (
    number bigint generated always as identity,
    "row" bigint,
    sub_app_id bigint not null,
    file_id text not null,
    recipe_hash text not null,
    pay_token text not null,
    workflow_id text not null,
    request jsonb not null,
    dropped text,
    first_row bigint,
    paid text
  )`,
  // A separate table: adding a row costs a tenth of updating one that has an index and a request in it.
  'create unlogged table staged_price (number bigint not null, usd numeric not null)',
  `create unlogged table staged_problem (
    id bigint generated always as identity, "row" bigint, file_id text, problem text not null
  )`,
];

export const ADD = `
  insert into staged ("row", sub_app_id, file_id, recipe_hash, pay_token, workflow_id, request)
  select r."row", r.sub_app_id, r.file_id, r.recipe_hash, r.pay_token, r.workflow_id, r.request::jsonb
  from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) with ordinality
    as r ("row", sub_app_id, file_id, recipe_hash, pay_token, workflow_id, request, place)
  order by r.place`;

export const ADD_PROBLEMS = `
  insert into staged_problem ("row", file_id, problem)
  select p."row", p.file_id, p.problem
  from unnest($1::bigint[], $2::text[], $3::text[]) with ordinality as p ("row", file_id, problem, place)
  order by p.place`;

/** Autovacuum comes too late: without an analysis every join would be planned for an empty table. */
export const INDEX = [
  'create unique index staged_number on staged (number)',
  'create index staged_file on staged (sub_app_id, file_id, number)',
  'analyze staged',
];

export const COUNT = 'select count(*) as count from staged';

const SAME_PAYMENT = `
  select number, "row", file_id, request,
         first_value("row") over payment as first_row, first_value(request) over payment as first_request,
         row_number() over payment as nth
  from staged window payment as (partition by sub_app_id, file_id, recipe_hash, pay_token order by number)`;

/** How a user finds an earlier row. */
const earlier = (row: string) => `coalesce('row ' || ${row}, 'an earlier one')`;

/** Fields that affect neither what is paid for nor how the result is handled. */
const ASKED = (request: string) => `(${request} - '{key,requestedBy,reason,deadlineHours,payAgain}'::text[])`;

export const REFUSE_UNEQUAL_DUPLICATES = `
  insert into staged_problem ("row", file_id, problem)
  select "row", file_id,
    'asks for the same erase as ' || ${earlier('first_row')} ||
    ', but with another publish, review or webhook; keep one of them.'
  from (${SAME_PAYMENT}) as same
  where nth > 1 and ${ASKED('request')} <> ${ASKED('first_request')}
  order by number`;

export const DROP_DUPLICATES = `
  update staged set dropped = 'duplicate', first_row = same.first_row
  from (${SAME_PAYMENT}) as same where same.number = staged.number and same.nth > 1`;

export const REFUSE_SHARED_KEYS = `
  insert into staged_problem ("row", file_id, problem)
  select "row", file_id,
    'key ' || coalesce(request ->> 'key', '') || ' is the key of ' || ${earlier('first_row')} ||
    ' as well, which is another erase; give each its own, or none.'
  from (
    select number, "row", file_id, request, first_value("row") over id as first_row, row_number() over id as nth
    from staged where dropped is null window id as (partition by workflow_id order by number)
  ) as same
  where nth > 1 order by number`;

/** Of two recipes with one name, the options differ. */
export const REFUSE_VARIANTS = `
  insert into staged_problem ("row", file_id, problem)
  select v."row", v.file_id,
    'asks for ' || v.name || case when v.name = v.first_name then ' with other options' else '' end ||
    ', and ' || ${earlier('v.first_row')} || ' for ' || v.first_name || ' of the same file: two new files, each paid for. ' ||
    coalesce('Ask for ' || c.by || ', which does both in one pass; or give --allow-variants.',
             'Keep one of them, or give --allow-variants.')
  from (
    select number, "row", file_id, recipe_hash, request -> 'recipe' ->> 'name' as name,
           first_value("row") over file as first_row, first_value(recipe_hash) over file as first_hash,
           first_value(request -> 'recipe' ->> 'name') over file as first_name
    from staged where dropped is null window file as (partition by sub_app_id, file_id order by number)
  ) as v
  left join lateral (
    select by from unnest($1::text[], $2::text[], $3::text[]) as c (a, b, by)
    where (c.a = v.name and c.b = v.first_name) or (c.a = v.first_name and c.b = v.name) limit 1
  ) as c on true
  where v.recipe_hash <> v.first_hash order by v.number`;

export const DROP_OWN_RESULTS = `
  update staged set dropped = 'ownResult'
  from submission join erase on erase.id = submission.erase_id
  where staged.dropped is null and erase.sub_app_id = staged.sub_app_id and submission.result_file_id = staged.file_id`;

/** In the terms of a plan. An unknown outcome is not marked: it is an item that may pay. */
export const MARK_PAID = `
  update staged set paid = marked.paid
  from (
    select s.number, case ${kindOf('$1::double precision')} when 'done' then 'done' when 'running' then 'underWay'
      when 'rejected' then 'rejected' when 'lost' then 'lost' when 'failed' then 'failed' end as paid
    from staged s cross join ${standingOf('s', 's.pay_token')}
    where s.dropped is null
  ) as marked
  where marked.number = staged.number and marked.paid is not null`;

/** Items that are paid for when they run: those that never were, and those whose task failed. */
const PAYS = `(paid is null or paid = 'failed')`;

export const DROP_PAID = `update staged set dropped = paid where not ${PAYS}`;

/** A lost result cannot be reused, and a rejected one only to be reviewed again: its erase would only fail. */
export const KEEP_PAID = `
  update staged set dropped = case when paid = 'lost' or (paid = 'rejected' and not request ? 'review') then paid end
  where not ${PAYS}`;

/** What was paid for and failed: a further run would pay once more. */
export const DROP_FAILED = `update staged set dropped = paid where paid = 'failed' and dropped is null`;

/** Results that a user may want to pay for again. */
export const LEFT_OUT = `
  select s."row", s.file_id, s.dropped as kind, standing.task_id
  from (
    select * from staged where dropped in ('failed', 'lost', 'rejected') order by number limit $1::integer
  ) as s cross join ${standingOf('s', 's.pay_token')}
  order by s.number`;

/** Files that were paid for under another recipe, or other options of the same one: a further file, and payment. */
const PAID_OTHERWISE = `
  select distinct on (s.number) s.number, s."row", s.file_id, s.request -> 'recipe' ->> 'name' as recipe,
         erase.recipe ->> 'name' as before, coalesce(erase.recipe ->> 'name' = s.request -> 'recipe' ->> 'name', false) as same
  from staged s
  join erase on erase.sub_app_id = s.sub_app_id and erase.file_id = s.file_id and erase.recipe_hash <> s.recipe_hash
  where s.dropped is null and (s.paid is null or s.paid = 'failed') and exists (
    select 1 from submission where submission.erase_id = erase.id and submission.state = 'accepted'
      and submission.outcome is distinct from 'aborted'
  )
  order by s.number, same desc`;

export const COUNT_PAID_OTHERWISE = `
  select count(*) as items, count(*) filter (where same) as same from (${PAID_OTHERWISE}) as otherwise`;

export const LIST_PAID_OTHERWISE = `
  select "row", file_id, recipe, before from (${PAID_OTHERWISE}) as otherwise order by same desc, number limit $1::integer`;

/** Results of earlier erases that a list names: intended, or the wrong column. */
export const COUNT_NAMED_RESULTS = `
  select count(*) as items from staged
  where dropped is null and exists (
    select 1 from submission join erase on erase.id = submission.erase_id
    where submission.result_file_id = staged.file_id and erase.sub_app_id = staged.sub_app_id
  )`;

export const LIST_UNREAD = `
  create unlogged table staged_unread as
  select row_number() over (order by f.sub_app_id, f.file_id) as id, f.sub_app_id, f.file_id
  from (select distinct sub_app_id, file_id from staged where dropped is null) as f
  where not exists (
    select 1 from media where media.sub_app_id = f.sub_app_id and media.file_id = f.file_id
      and media.read_at > clock_timestamp() - make_interval(secs => $1::double precision)
  )`;

export const UNREAD_PAGE = `
  select id, sub_app_id, file_id from staged_unread where id > $1::bigint order by id limit $2::integer`;

export const COUNT_UNREAD = `select count(*) as files from staged_unread`;

/** Rows with problems are not priced: they are no items. */
export const REFUSE_SUB_APP = `
  with refused as (
    update staged set dropped = 'refused' where dropped is null and sub_app_id = $1::bigint
    returning number, "row", file_id
  )
  insert into staged_problem ("row", file_id, problem) select "row", file_id, $2::text from refused order by number`;

export const REFUSE_FILES = `
  with refused as (
    update staged set dropped = 'refused'
    from unnest($2::text[], $3::text[]) as file (file_id, problem)
    where dropped is null and sub_app_id = $1::bigint and staged.file_id = file.file_id
    returning staged.number, staged."row", staged.file_id, file.problem
  )
  insert into staged_problem ("row", file_id, problem) select "row", file_id, problem from refused order by number`;

/** Ids from a spreadsheet with fifteen significant digits end in zeros: the most frequent cause of missing files. */
export const REFUSE_MISSING = `
  insert into staged_problem ("row", file_id, problem)
  select "row", file_id,
    'file ' || file_id || ' does not exist in sub-application ' || sub_app_id ||
    case when file_id ~ '^\\d{15,}0000$'
      then '; ids that end in 0000 are often ones that a spreadsheet rounded: export the column as text.'
      else '.' end
  from staged where dropped is null and sub_app_id = $1::bigint and file_id = any ($2::text[]) order by number`;

/** The page first, then its details: otherwise all details would be joined for each page. */
export const UNPRICED_PAGE = `
  with page as materialized (
    select number, sub_app_id, file_id, request -> 'recipe' as recipe from staged
    where dropped is null and ${PAYS} and number > $1::bigint order by number limit $2::integer
  )
  select page.number, recipe, media.duration_seconds as "durationSeconds", media.width, media.height
  from page left join lateral (
    select duration_seconds, width, height from media
    where media.sub_app_id = page.sub_app_id and media.file_id = page.file_id limit 1
  ) as media on true
  order by page.number`;

export const PRICE = `
  insert into staged_price (number, usd) select number, usd from unnest($1::bigint[], $2::numeric[]) as p (number, usd)`;

/** Before the totals are computed. */
export const PRICED = 'analyze staged_price';

/** Counts come back from the driver as text. */
export type Sums = Record<
  | 'items'
  | 'duplicates'
  | 'own_results'
  | 'done'
  | 'under_way'
  | 'lost'
  | 'rejected'
  | 'failed'
  | 'paid_again'
  | 'kept'
  | 'usd'
  | 'seconds'
  | 'unknown_duration'
  | 'unknown_size'
  | 'problems',
  string | null
>;

export const SUMS = `
  select count(*) filter (where dropped is null) as items,
         count(*) filter (where dropped = 'duplicate') as duplicates,
         count(*) filter (where dropped = 'ownResult') as own_results,
         count(*) filter (where paid = 'done') as done,
         count(*) filter (where paid = 'underWay') as under_way,
         count(*) filter (where paid = 'lost') as lost,
         count(*) filter (where paid = 'rejected') as rejected,
         count(*) filter (where paid = 'failed') as failed,
         count(*) filter (where paid = 'failed' and dropped is null) as paid_again,
         count(*) filter (where not ${PAYS} and dropped is null) as kept,
         coalesce(sum(usd), 0) as usd,
         coalesce(sum(media.duration_seconds) filter (where dropped is null and ${PAYS}), 0) as seconds,
         count(*) filter (where dropped is null and ${PAYS} and not coalesce(duration_seconds > 0, false))
           as unknown_duration,
         count(*) filter (where dropped is null and ${PAYS} and not coalesce(least(width, height) > 0, false))
           as unknown_size,
         (select count(*) from staged_problem) as problems
  from staged
  left join staged_price on staged_price.number = staged.number
  left join media on media.sub_app_id = staged.sub_app_id and media.file_id = staged.file_id`;

export const BY_RECIPE = `
  select request -> 'recipe' ->> 'name' as recipe, count(*) as items, coalesce(sum(usd), 0) as usd
  from staged left join staged_price on staged_price.number = staged.number where dropped is null group by 1 order by 2 desc, 1`;

export const BY_SUB_APP = `
  select sub_app_id, count(*) as items from staged where dropped is null group by 1 order by 2 desc, 1`;

export const DUPLICATES = `
  select "row", file_id, first_row from staged where dropped = 'duplicate' order by number limit $1::integer`;

export const SORT_PROBLEMS = `
  create unlogged table if not exists staged_problem_sorted as
  select row_number() over (order by "row" nulls last, id) as place, "row", file_id, problem from staged_problem`;

export const PROBLEM_PAGE = `
  select place, "row", file_id, problem from staged_problem_sorted where place > $1::bigint order by place limit $2::integer`;

export const OVERLAPPING = `
  select batch_item.batch_id, batch.namespace, count(*) as items
  from staged
  join batch_item on batch_item.workflow_id = staged.workflow_id
  join batch on batch.id = batch_item.batch_id
  where staged.dropped is null and batch.state <> 'ended'
  group by 1, 2 order by 3 desc, 1`;

export const NOT_IN = `
  select count(*) as items from staged
  where dropped is null and not exists (
    select 1 from batch_item where batch_item.batch_id = $1::text and batch_item.workflow_id = staged.workflow_id
      and batch_item.recipe_hash = staged.recipe_hash)`;

/** Reused items cost nothing. */
export const INSERT_ITEMS = `
  insert into batch_item (batch_id, number, "row", sub_app_id, file_id, recipe_hash, workflow_id, request, estimated_usd,
                          may_pay)
  select $1::text, row_number() over (order by staged.number), "row", sub_app_id, file_id, recipe_hash, workflow_id,
         request || jsonb_build_object('batchId', $1::text), case when ${PAYS} then staged_price.usd else 0 end,
         ${PAYS}
  from staged left join staged_price on staged_price.number = staged.number where dropped is null`;

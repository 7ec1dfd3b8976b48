/**
 * The tables, as statements. They are unlogged, so they are empty after a crash or a failover. An empty table makes all processes
 * wait until no earlier call can still arrive, whereas partial data would look free.
 */
export const CREATE_TABLES: readonly string[] = [
  `create unlogged table rate_limit (
    name text primary key,
    next_at timestamptz not null default '-infinity',
    live_in_row integer not null default 0,
    rate double precision,
    refused_at timestamptz,
    refused_since timestamptz,
    refused_in_row integer not null default 0
  )`,
  `create unlogged table rate_limit_slot (
    name text not null,
    id integer not null,
    counted_by timestamptz not null default '-infinity',
    owner text,
    credit interval not null default '0',
    taken bigint not null default 0,
    primary key (name, id)
  )`,
  `comment on column rate_limit.next_at is 'No call is due before this: calls are spread'`,
  `comment on column rate_limit.live_in_row is 'Live calls since the last one of a backlog'`,
  `comment on column rate_limit.rate is 'Calls a second right after the last refusal, which was at refused_at'`,
  `comment on column rate_limit.refused_since is 'First of refused_in_row refusals with no accepted call in between'`,
  `comment on column rate_limit_slot.counted_by is 'By then the API has counted the slot''s last call; a second later it is free'`,
  `comment on column rate_limit_slot.credit is 'By so much sooner its owner may take it again'`,
  `comment on column rate_limit_slot.taken is 'How often it was taken: a late release of an earlier use changes nothing'`,
];

-- A program that was killed while it took a backlog in, with two of its tables.
insert into backlog (id, created_at, seen_at) values ('00000000ff', '2026-01-02T03:00:00Z', '2026-01-02T03:04:05Z');
create unlogged table staged_00000000ff (number bigint);
create unlogged table staged_00000000ff_price (number bigint not null, usd numeric not null);

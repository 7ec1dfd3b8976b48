insert into erase (sub_app_id, file_id, recipe_hash, pay_token, recipe) values
  (1, 'priced', repeat('c', 32), '', '{"name": "subtitles"}');
insert into submission (erase_id, number, state, arms, intent_at, place_at, answered_at, task_id, workflow_id, run_id,
    cost_usd, cost_day)
  select id, 1, 'accepted', 1, '2026-01-02T03:04:05Z', '2026-01-02T03:04:05.4Z', '2026-01-02T03:04:06Z', 'task-priced',
    'erase/priced', 'run-1', 1.25, '2026-01-02'
  from erase where file_id = 'priced';
insert into cap (scope, period, limit_usd, spent_usd, day) values
  ('all', 'total', 100, 1.25, '2026-01-02'), ('sub-app/1', 'total', null, 1.25, '2026-01-02');

insert into erase (sub_app_id, file_id, recipe_hash, pay_token, recipe) values (1, 'rejected', repeat('c', 32), '', '{"name": "subtitles"}');
insert into submission (erase_id, number, state, arms, intent_at, place_at, workflow_id, run_id, task_id, outcome, result_file_id,
    namespace, rejected_at, rejected_by, rejected_reason)
  select id, 1, 'accepted', 1, '2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z', 'erase/rejected', 'run-1', 'task-rejected', 'succeeded',
    'new-rejected', 'media', '2026-01-02T04:04:05Z', 'ann', 'a logo is left'
  from erase where file_id = 'rejected';

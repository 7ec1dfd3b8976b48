insert into erase (sub_app_id, file_id, recipe_hash, pay_token, recipe) values
  (1, 'reasoned', repeat('c', 32), '', '{"name": "subtitles"}');
insert into submission (erase_id, number, state, arms, intent_at, place_at, answered_at, task_id, workflow_id, run_id, requested_by,
    reason, outcome, outcome_at, result_file_id, result)
  select id, 1, 'accepted', 1, '2026-01-02T03:04:05Z', '2026-01-02T03:04:05.5Z', '2026-01-02T03:04:06Z', 'task-reasoned',
    'erase/reasoned', 'run-1', 'ann', 'asked for by sales', 'succeeded', '2026-01-02T03:14:05Z', 'new-reasoned',
    '{"fileId": "new-reasoned", "url": null}'
  from erase where file_id = 'reasoned';

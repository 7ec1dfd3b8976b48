-- Paid for and done; paid for and running; in doubt; refused.
insert into erase (sub_app_id, file_id, recipe_hash, pay_token, recipe) values
  (1, 'done', repeat('c', 32), '', '{"name": "subtitles"}'),
  (1, 'running', repeat('c', 32), '', '{"name": "subtitles"}'),
  (1, 'doubt', repeat('c', 32), '', '{"name": "subtitles"}'),
  (1, 'refused', repeat('c', 32), '', '{"name": "subtitles"}');
insert into submission (erase_id, number, state, arms, intent_at, place_at, answered_at, task_id, request_id, workflow_id, run_id,
    requested_by, outcome, outcome_at, result_file_id, result)
  values ((select id from erase where file_id = 'done'), 1, 'accepted', 1, '2026-01-02T03:04:05Z', '2026-01-02T03:04:05.1Z',
    '2026-01-02T03:04:06Z', 'task-done', 'request-1', 'erase/done', 'run-1', 'ann', 'succeeded', '2026-01-02T03:14:05Z', 'new-file',
    '{"fileId": "new-file", "url": null}');
insert into submission (erase_id, number, state, arms, intent_at, place_at, answered_at, task_id, request_id, workflow_id, run_id)
  values ((select id from erase where file_id = 'running'), 1, 'accepted', 2, '2026-01-02T03:04:05Z', '2026-01-02T03:04:05.2Z',
    '2026-01-02T03:04:06Z', 'task-running', 'request-2', 'erase/running', 'run-1');
insert into submission (erase_id, number, state, arms, intent_at, place_at, workflow_id, run_id)
  values ((select id from erase where file_id = 'doubt'), 1, 'sending', 1, clock_timestamp(), clock_timestamp(), 'erase/doubt', 'run-1');
insert into submission (erase_id, number, state, arms, intent_at, place_at, answered_at, request_id, error_class, error_code,
    error_message, workflow_id, run_id)
  values ((select id from erase where file_id = 'refused'), 1, 'refused', 1, '2026-01-02T03:04:05Z', '2026-01-02T03:04:05.3Z',
    '2026-01-02T03:04:06Z', 'request-3', 'input', 'InvalidParameterValue.FileId', 'no such file', 'erase/refused', 'run-1');
insert into pace (scope, next_at) values ('submit', '2026-01-02T03:04:05Z');

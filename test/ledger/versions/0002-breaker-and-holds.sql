insert into breaker (scope, state, error_class, error_code, error_message, opened_at, workflow_id) values
  ('sub-app/2', 'open', 'account', 'FailedOperation.InvalidVodUser', 'no money', '2026-01-02T03:04:05Z', 'erase/poor');
insert into hold (workflow_id, run_id, sub_app_id, file_id, stage, error_class, message, since) values
  ('erase/held', 'run-1', 1, 'held', 'submit', 'uncertain', 'look yourself', '2026-01-02T03:04:05Z');
insert into audit (at, action, subject, by, reason, details) values
  ('2026-01-02T03:04:05Z', 'resume', 'sub-app/2', 'ann', 'topped up', '{"breakers": ["sub-app/2"]}');
update pace set throttled_since = null;

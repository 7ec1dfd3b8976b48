insert into breaker (scope, error_class, error_code, error_message, opened_at, workflow_id) values
  ('sub-app/12', 'account', 'UnauthorizedOperation', 'not allowed', '2026-01-02T03:04:05.678Z', 'erase/refused');

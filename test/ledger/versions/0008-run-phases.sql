insert into run_phase (workflow_id, run_id, phase, since) values ('erase/done', 'run-1', 'publishing', '2026-01-02T03:14:05Z');

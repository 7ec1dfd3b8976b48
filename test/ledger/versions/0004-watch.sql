insert into watch (sub_app_id, listed_until, good_at) values (1, '2026-01-02T03:00:00Z', '2026-01-02T03:04:05Z');
insert into waiter (task_id, workflow_id, run_id, sub_app_id) values ('task-running', 'erase/running', 'run-1', 1);
update submission set next_look_at = '2026-01-02T04:00:00Z' where task_id = 'task-running';

insert into media (sub_app_id, file_id, duration_seconds, width, height) values (1, 'item-1', 12.5, 1280, 720);
insert into batch (id, workflow_id, state, settings, source, total, estimated_usd, requested_by, "window", created_at) values
  ('library', 'batch/library', 'paused',
   '{"concurrency": 500, "tolerate": {"percent": 5}, "minSample": 100, "maxCostUsd": null, "sampleSize": null, "deadlineAt": null}',
   '{"kind": "csv", "name": "list.csv", "sha256": null, "rows": 2}', 2, 0.1, 'ann', 50, '2026-01-02T03:04:05Z');
insert into batch_item (batch_id, number, row, sub_app_id, file_id, recipe_hash, workflow_id, request, estimated_usd, state,
    ended_at, task_id, result_file_id, attempts, cost_usd) values
  ('library', 1, 2, 1, 'item-1', repeat('c', 32), 'erase/item-1',
   '{"fileId": "item-1", "subAppId": 1, "recipe": {"name": "subtitles"}, "deadlineHours": 24}', 0.05, 'succeeded',
   '2026-01-02T03:14:05Z', 'task-item-1', 'new-item-1', 1, 0.05),
  ('library', 2, 3, 1, 'item-2', repeat('c', 32), 'erase/item-2',
   '{"fileId": "item-2", "subAppId": 1, "recipe": {"name": "subtitles"}, "deadlineHours": 24}', 0.05, 'pending',
   null, null, null, 0, null);

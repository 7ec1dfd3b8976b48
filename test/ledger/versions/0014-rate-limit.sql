-- The vendor has refused submits for the rate since some time, and one slot is taken.
update rate_limit set rate = 5, refused_at = '2026-01-02T03:04:05Z', refused_since = '2026-01-02T03:00:00Z', refused_in_row = 7;
update rate_limit_slot set owner = 'a-process', taken = 3, counted_by = '2026-01-02T03:04:05Z', credit = '50 ms' where id = 1;

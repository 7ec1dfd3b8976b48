update pace set nearest_ms = 10, nearest_at = next_at, farthest_ms = 210, farthest_at = next_at;

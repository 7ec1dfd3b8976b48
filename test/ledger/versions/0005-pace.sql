update pace set last_at = next_at, spread_ms = 12, spread_at = next_at, refused_in_row = 0;

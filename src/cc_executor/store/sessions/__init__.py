"""Where sessions are kept: in memory for tests, in SQLite, in Redis for several servers."""

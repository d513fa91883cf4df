"""Durable records of executions: in memory for tests, in SQLite for use."""

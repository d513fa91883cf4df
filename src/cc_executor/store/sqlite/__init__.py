"""The embedded store: one SQLite file, no server, several processes at once."""

from __future__ import annotations

from cc_executor.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]

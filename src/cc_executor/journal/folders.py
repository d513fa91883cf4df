"""Attempt folders below a state directory, as the engine and its readers ask for them."""

from __future__ import annotations

from pathlib import Path

from cc_executor.journal import layout
from cc_executor.journal.home import StateDirectory
from cc_executor.journal.reader import FileJournalReader
from cc_executor.journal.records import count


class FolderJournals:
    """Implements `ports.journal.Journals`."""

    def __init__(self, home: StateDirectory) -> None:
        self._home = home

    def folder(self, attempt_id: str) -> Path:
        """Return the folder of an attempt, whether it exists or not."""
        return self._home.attempt(attempt_id)

    def open(self, attempt_id: str) -> FileJournalReader | None:
        """Return a reader, or None when the attempt has no output yet.

        Raises:
            JournalDamaged: Its index has an unknown format.
        """
        try:
            return FileJournalReader(self._home.attempt(attempt_id))
        except FileNotFoundError:
            return None

    def length(self, attempt_id: str) -> int:
        """Return how many index records the output has, without opening it."""
        try:
            return count((self._home.attempt(attempt_id) / layout.INDEX).stat().st_size)
        except FileNotFoundError:
            return 0

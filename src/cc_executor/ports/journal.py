"""Attempt folders, as the engine and its readers ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from cc_executor.model.events import Stream


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes as they arrived: one index record.

    Attributes:
        seq: Number of the record, from 0.
        offset: Position of the first byte in the attempt's output.
    """

    seq: int
    offset: int
    at: float
    stream: Stream
    data: bytes


class JournalReader(Protocol):
    """A cursor in one attempt's output. It costs a file offset, however slowly it is read."""

    def read(self, *, after_seq: int, max_bytes: int) -> Sequence[Chunk]:
        """Return whole records with `seq > after_seq`, at most about `max_bytes` of data.

        At least one record when there is one, however long. Empty: nothing more yet.
        Blocking (files): call it in a thread.

        Raises:
            JournalDamaged: A record contradicts its checksum.
        """
        ...

    def read_at_hand(self, *, after_seq: int, max_bytes: int) -> Sequence[Chunk] | None:
        """Return what `read` would, if no disk must be waited for; None where one must.

        An event loop may call it.

        Raises:
            JournalDamaged: A record contradicts its checksum.
        """
        ...

    def seq_before_last(self, tail_bytes: int) -> int:
        """Return the seq after which the last records, together at least `tail_bytes`, follow.

        -1 when the whole output is not longer. Blocking (files): call it in a thread.
        """
        ...

    def close(self) -> None:
        """Release the files."""
        ...


class Journals(Protocol):
    """Where attempt folders are, and how to read them."""

    def folder(self, attempt_id: str) -> Path:
        """Return the folder of an attempt, whether it exists or not. Each has its own."""
        ...

    def open(self, attempt_id: str) -> JournalReader | None:
        """Return a reader, or None when the attempt has no output yet. Blocking (files)."""
        ...

    def length(self, attempt_id: str) -> int:
        """Return how many index records the output has, without opening it. Blocking (files)."""
        ...


class Ownership(Protocol):
    """The lock that one engine holds on an execution for as long as it lives."""

    def release(self) -> None:
        """Let another engine have the execution. Doing it again changes nothing."""
        ...


class Owners(Protocol):
    """Which executions have a living owner. Blocking (files): call it in a thread."""

    def acquire(self, execution_id: str) -> Ownership | None:
        """Own the execution, or return None because a living engine does."""
        ...

    def is_owned(self, execution_id: str) -> bool:
        """Tell whether a living engine owns the execution."""
        ...

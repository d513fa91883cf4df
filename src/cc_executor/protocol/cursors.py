"""A place in the stream of one execution, moved by what has been seen."""

from __future__ import annotations

from cc_executor.model.events import Cursor, Lifecycle
from cc_executor.model.ids import attempt_id


class Place:
    """How far somebody has come: the sender of a stream as well as its reader.

    Chunks of an attempt that has ended are forgotten: its `attempt.ended` covers them all. So a
    cursor stays small, however long the list.

    Args:
        after: Where it begins.
    """

    def __init__(self, after: Cursor) -> None:
        self._seq = after.seq
        self._chunks = dict(after.chunks)

    @property
    def cursor(self) -> Cursor:
        """The place as a value."""
        return Cursor(seq=self._seq, chunks=dict(self._chunks))

    @property
    def seq(self) -> int:
        """Of the last lifecycle event."""
        return self._seq

    def chunk(self, of_attempt: str, seq: int) -> None:
        """Note that everything of an attempt up to chunk `seq` has been seen; -1: nothing yet."""
        if seq > self._chunks.get(of_attempt, -1):
            self._chunks[of_attempt] = seq

    def event(self, event: Lifecycle) -> None:
        """Note that a lifecycle event has been seen."""
        self._seq = max(self._seq, event.seq)
        if event.kind == "attempt.ended" and event.task_id and event.attempt:
            self._chunks.pop(attempt_id(event.task_id, event.attempt), None)

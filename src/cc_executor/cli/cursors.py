"""A reader's place in the stream, noted down for the next time."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from cc_executor.cli.render.output import OutputRefused
from cc_executor.errors import InvalidCursor
from cc_executor.model.events import Cursor, FromAgent, Lifecycle, StreamEvent
from cc_executor.model.ids import attempt_id


def parse(text: str | bytes, *, where: str) -> Cursor:
    """Return the cursor that the text holds.

    Raises:
        InvalidCursor: It holds none.
    """
    try:
        return msgspec.json.decode(text, type=Cursor)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidCursor(where, str(error)) from None


def after(cursor: Cursor, event: StreamEvent) -> Cursor:
    """Return the cursor of a reader who has now seen the event, too."""
    if isinstance(event, Lifecycle):
        return msgspec.structs.replace(cursor, seq=event.seq)
    if isinstance(event, FromAgent):
        return cursor  # it was read out of a chunk that has been seen
    of_attempt = attempt_id(event.task_id, event.attempt)
    return msgspec.structs.replace(cursor, chunks={**cursor.chunks, of_attempt: event.seq})


class Place:
    """How far a reader has come.

    Args:
        cursor: Where it begins.
        file: Where its place is kept while it moves; None: nowhere.
        with_agent_events: Whether what was read out of a chunk is shown after the chunk. Its place
            then moves when the next chunk comes, so that a reader who was stopped in between
            sees the chunk again rather than lose what stood in it.
    """

    def __init__(self, cursor: Cursor, file: Path | None, *, with_agent_events: bool) -> None:
        self.cursor = cursor
        self._file = file
        self._late = with_agent_events
        self._last: StreamEvent | None = None

    def shown(self, event: StreamEvent) -> None:
        """Note that the event has been shown."""
        if isinstance(event, FromAgent):
            return
        if self._last is not None:
            self._move(self._last)
        self._last = event
        if not self._late:
            self.finish()

    def finish(self) -> None:
        """Note that everything about the last event has been shown."""
        if self._last is not None:
            self._move(self._last)
            self._last = None

    def _move(self, event: StreamEvent) -> None:
        self.cursor = after(self.cursor, event)
        if self._file is not None:
            _write(self._file, self.cursor)


def place(text: str | None, file: Path | None, *, with_agent_events: bool) -> Place:
    """Return where a reader begins: after the cursor in the text, else the one in the file.

    Raises:
        InvalidCursor: What is there is none.
    """
    if text is not None:
        cursor = parse(text, where="--after")
    else:
        cursor = Cursor() if file is None else _read(file)
    return Place(cursor, file, with_agent_events=with_agent_events)


def _read(file: Path) -> Cursor:
    try:
        return parse(file.read_bytes(), where=str(file))
    except FileNotFoundError:
        return Cursor()
    except OSError as error:
        raise InvalidCursor(str(file), f"cannot be read: {error.strerror}") from error


def _write(file: Path, cursor: Cursor) -> None:
    # Renamed into place: a reader that dies here finds the place before, never half of one.
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        new.write_bytes(msgspec.json.encode(cursor) + b"\n")
        new.replace(file)
    except OSError as error:
        raise OutputRefused(f"{file}: {error.strerror}") from error

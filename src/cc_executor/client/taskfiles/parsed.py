"""What a format's parser gives: values, and where each of them stands."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, NamedTuple

from cc_executor.errors import InvalidRequest


class Position(NamedTuple):
    """A place in a file, both 1-based; the column may be unknown."""

    line: int
    column: int | None = None


class Malformed(InvalidRequest):
    """The text is not what its format allows; `load_task_file` says it with the file's name.

    Attributes:
        problem: What is wrong, as a phrase.
        position: Where, None when nobody knows.
        hint: What would be right.
    """

    code = "task_file.malformed"

    def __init__(
        self, problem: str, position: Position | None = None, *, hint: str | None = None
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.position = position
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return self.problem


class Parsed(NamedTuple):
    """A file's content.

    Attributes:
        value: Mappings, lists, texts, numbers, booleans.
        positions: By path, e.g. `tasks[2].timeout`; `` is the whole. What has a key stands where
            its key does.
    """

    value: Any
    positions: dict[str, Position]

    def position(self, path: str) -> Position | None:
        """Return where a value stands, else the nearest one around it."""
        while path and path not in self.positions:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.positions.get(path)


class Lines:
    """Where the lines of a text begin, to turn offsets into positions."""

    def __init__(self, text: str) -> None:
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def position(self, offset: int) -> Position:
        """Return the position of the character at `offset`."""
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)


def join(path: str, key: str) -> str:
    """Return the path of a mapping's entry."""
    return f"{path}.{key}" if path else key


def stands_twice(key: str, place: Position | None) -> Malformed:
    """Return the refusal of a key that a mapping already has."""
    hint = "Keep one of the two: nobody could say which is meant."
    return Malformed(f"the key {key!r} stands twice", place, hint=hint)

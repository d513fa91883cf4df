"""What a format's parser gives: values, and where each of them stands."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from cc_executor.errors import InvalidRequest

_LAST_STEP: Final = re.compile(r"(\.[^.\[]+|\[\d+\])$")


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
        positions: By path, e.g. `tasks[2].timeout`; `` is the whole.
    """

    value: Any
    positions: dict[str, Position]

    def position(self, path: str) -> Position | None:
        """Return where a value stands, else the nearest one around it."""
        while path not in self.positions:
            shorter = _LAST_STEP.sub("", path)
            if shorter == path:
                return self.positions.get("")
            path = shorter
        return self.positions[path]


def join(path: str, key: str) -> str:
    """Return the path of a mapping's entry."""
    return f"{path}.{key}" if path else key

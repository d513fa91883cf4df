"""Finding the JSON value in an answer; it is never repaired."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final


class _NotFound:
    def __repr__(self) -> str:
        return "NOT_FOUND"


NOT_FOUND: Final = _NotFound()
_FENCE: Final = re.compile(r"```[\w-]*\n(.*?)```", re.DOTALL)
_MAX_STARTS: Final = 200


def find_json(text: str, accept: Callable[[Any], bool] | None = None) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value in an answer: the whole, a fenced block, or one among prose.

    Args:
        text: The answer.
        accept: Which value is meant where there are several; the first accepted one wins. Without
            it, or when it accepts none, the first value found is returned.

    Returns:
        The value, or `NOT_FOUND`.
    """
    first: Any = NOT_FOUND
    for value in _values(text):
        if accept is None or accept(value):
            return value
        if first is NOT_FOUND:
            first = value
    return first


def _values(text: str) -> Iterator[Any]:
    for candidate in (text, *_FENCE.findall(text)):
        try:
            yield json.loads(candidate, parse_constant=_refuse, object_pairs_hook=_unique)
        except (ValueError, RecursionError):
            continue
    decoder = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_unique)
    position = starts = 0
    while (found := re.compile(r"[{\[]").search(text, position)) and starts < _MAX_STARTS:
        starts += 1
        try:
            value, position = decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            position = found.start() + 1
        else:
            yield value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value

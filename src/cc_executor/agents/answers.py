"""The JSON value in an agent's answer, for agents that give it as text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, Final


class _NotFound:
    def __repr__(self) -> str:
        return "NOT_FOUND"


#: Says that a text holds no JSON value; `None` would be one.
NOT_FOUND: Final = _NotFound()

_MAX_DEPTH: Final = 100
#: Beyond these, values between the words of a text are not looked for: a text of brackets would
#: take quadratic time.
_MAX_PROSE_CHARS: Final = 1_000_000
_MAX_STARTS: Final = 200

_FENCE: Final = re.compile(r"^[ ]{0,3}(`{3,}|~{3,})[ \t]*([^`\n]*)$", re.MULTILINE)
_OPENING: Final = re.compile(r"[{\[]")


def find_json(text: str, accept: Callable[[Any], bool] | None = None) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value that an answer gives.

    Looked for, in this order: the whole text; fenced blocks, those marked `json` first, the last
    of them first; objects and arrays between the words, the first of them first. Nothing is ever
    repaired: no trailing commas, no NaN, no key that comes twice.

    Args:
        text: The answer.
        accept: Says whether a value is the one that was asked for. The first accepted one wins;
            when none is, the first one found is returned, so that it can be said what is wrong.

    Returns:
        The value, or `NOT_FOUND`.
    """
    first = NOT_FOUND
    for value in _values(text):
        if accept is None or accept(value):
            return value
        if first is NOT_FOUND:
            first = value
    return first


def _values(text: str) -> Iterator[Any]:
    for candidate in (text, *_fenced(text)):
        try:
            value = _DECODER.decode(candidate)
        except (ValueError, RecursionError):
            continue
        if _is_sound(value):
            yield value
    yield from _between_words(text)


def _fenced(text: str) -> list[str]:
    marked: list[str] = []
    others: list[str] = []
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opening is None:
            opening = fence
        elif fence[1].startswith(opening[1]) and not fence[2].strip():
            block = text[opening.end() : fence.start()]
            is_json = opening[2].strip().lower().startswith("json")
            (marked if is_json else others).insert(0, block)
            opening = None
    return marked + others


def _between_words(text: str) -> Iterator[Any]:
    if len(text) > _MAX_PROSE_CHARS:
        return
    position = 0
    for _ in range(_MAX_STARTS):
        start = _OPENING.search(text, position)
        if start is None:
            return
        try:
            value, position = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            position = start.end()
            continue
        if _is_sound(value):
            yield value


def _is_sound(value: object) -> bool:
    """Return whether a value can be stored: no half characters, not nested beyond all sense."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        if not level:
            return True
        if not all(_is_text(item) for item in level if isinstance(item, str)):
            return False
        level = [inner for item in level for inner in _inside(item)]
    return False


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits} is beyond all numbers")
    return value


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float
)

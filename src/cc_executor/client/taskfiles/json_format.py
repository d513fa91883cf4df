"""JSON, strictly: no key twice, no NaN. Every value knows its line and column."""

from __future__ import annotations

import json
import re
from typing import Final

from cc_executor.client.taskfiles.parsed import (
    Lines,
    Malformed,
    Parsed,
    Position,
    join,
    stands_twice,
)

#: In a text that is known to be JSON, one after the other finds every token.
_TOKEN: Final = re.compile(
    r"""
      (?P<string> " [^"\\]* (?: \\. [^"\\]* )* " )
    | (?P<mark> [\[\]{}] )
    | (?P<scalar> [^\s\[\]{}:,"]+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_CONSTANTS: Final = ("NaN", "Infinity", "-Infinity")  # json.loads takes them, JSON has none


def parse(text: str) -> Parsed:
    """Return the content of a JSON document.

    Raises:
        Malformed: It is not JSON, or has a key twice.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise Malformed(error.msg, Position(error.lineno, error.colno)) from error
    except RecursionError:
        raise Malformed("is nested too deeply", Position(1, 1)) from None
    return Parsed(value, _positions(text))


class _Container:
    """A list or an object that is open.

    Attributes:
        count: Elements so far, of a list.
        keys: Keys so far, of an object; None for a list.
        key: The key whose value comes next, with its place; None when a key comes next.
    """

    __slots__ = ("count", "key", "keys", "path")

    def __init__(self, path: str, *, is_object: bool) -> None:
        self.path = path
        self.count = 0
        self.keys: set[str] | None = set() if is_object else None
        self.key: tuple[str, Position] | None = None


def _positions(text: str) -> dict[str, Position]:
    positions: dict[str, Position] = {}
    lines = Lines(text)
    opened: list[_Container] = []
    for token in _TOKEN.finditer(text):
        if token[0] in "]}":
            opened.pop()
            continue
        place = lines.position(token.start())
        if token[0] in _CONSTANTS:
            raise Malformed(f"{token[0]} is not JSON", place, hint="Use a number, or null.")
        if opened and _takes_key(opened[-1], token, place):
            continue
        path, place = _value(opened[-1], place) if opened else ("", place)
        positions[path] = place
        if token["mark"]:
            opened.append(_Container(path, is_object=token[0] == "{"))
    return positions


def _takes_key(container: _Container, token: re.Match[str], place: Position) -> bool:
    """Take the token as the next key, if that is what it is.

    Raises:
        Malformed: The object has that key already.
    """
    if container.keys is None or container.key is not None:
        return False
    key = json.loads(token["string"])
    if key in container.keys:
        raise stands_twice(key, place)
    container.keys.add(key)
    container.key = (key, place)
    return True


def _value(container: _Container, place: Position) -> tuple[str, Position]:
    """Return the path of the value that begins at `place`, and where it is said to stand."""
    if container.key is not None:
        key, place = container.key
        container.key = None
        return join(container.path, key), place
    container.count += 1
    return f"{container.path}[{container.count - 1}]", place

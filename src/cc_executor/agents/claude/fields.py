"""Reading JSON objects whose shape changes every week: what is missing or odd is `None`.

A message is split into its fields first and only those that somebody asks for are decoded, so a
field of an unexpected type costs that field alone, and a file of some megabytes that a tool has
echoed is never built in memory.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

_T = TypeVar("_T")

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OBJECTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_STRINGS: Final = msgspec.json.Decoder(list[Any])
#: What msgspec raises for input of any kind; RecursionError for nesting beyond its bound.
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError, ValueError)


class Fields:
    """One JSON object, decoded as far as it is asked.

    Args:
        raw: Its fields, not decoded yet.
    """

    def __init__(self, raw: Mapping[str, msgspec.Raw]) -> None:
        self._raw = raw

    def text(self, key: str) -> str | None:
        """Return a string."""
        return self._decoded(key, str)

    def integer(self, key: str) -> int | None:
        """Return a whole number."""
        return self._decoded(key, int)

    def number(self, key: str) -> float | None:
        """Return a finite number."""
        number = self._decoded(key, float)
        return number if number is not None and math.isfinite(number) else None

    def flag(self, key: str) -> bool | None:
        """Return a boolean."""
        return self._decoded(key, bool)

    def child(self, key: str) -> Fields:
        """Return an object; one without fields when there is none."""
        return Fields(self._decoded(key, dict[str, msgspec.Raw]) or {})

    def child_or_none(self, key: str) -> Fields | None:
        """Return an object, None when there is none."""
        raw = self._decoded(key, dict[str, msgspec.Raw])
        return None if raw is None else Fields(raw)

    def children(self, key: str) -> tuple[Fields, ...]:
        """Return the objects in a list, leaving out what is none; empty when there is no list."""
        return _objects(self._raw.get(key))

    def values(self) -> tuple[Fields, ...]:
        """Return every field that is an object."""
        return tuple(self.child(key) for key in self._raw)

    def names(self) -> tuple[str, ...]:
        """Return the names of all fields."""
        return tuple(self._raw)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the strings in a list; empty when there is no list."""
        found = self._decoded(key, list[Any]) or []
        return tuple(item for item in found if isinstance(item, str))

    def value(self, key: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return whatever there is, `UNSET` when there is nothing."""
        if key not in self._raw:
            return msgspec.UNSET
        try:
            return msgspec.json.decode(self._raw[key])
        except _UNREADABLE:
            return msgspec.UNSET

    def _decoded(self, key: str, kind: type[_T]) -> _T | None:
        if key not in self._raw:
            return None
        try:
            return msgspec.json.decode(self._raw[key], type=kind)
        except UnicodeDecodeError:
            # Splitting a line looks at its structure only; what a string holds shows here.
            return _decoded_with_replacement(bytes(self._raw[key]), kind)
        except _UNREADABLE:
            return None


def _decoded_with_replacement(raw: bytes, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(raw.decode("utf-8", "replace"), type=kind)
    except _UNREADABLE:
        return None


def read_objects(line: bytes) -> tuple[Fields, ...] | None:
    """Return the objects in one line of output; None when it is no JSON of objects.

    One object is what `stream-json` prints; `json --verbose` prints a list of them.
    """
    try:
        return _split(line)
    except _UNREADABLE:
        pass
    try:
        return _split(_mended(line))
    except _UNREADABLE:
        return None


def _split(line: bytes) -> tuple[Fields, ...] | None:
    if line.lstrip().startswith(b"["):
        return _objects(msgspec.Raw(line)) or None
    return (Fields(_OBJECT.decode(line)),)


def _objects(raw: msgspec.Raw | None) -> tuple[Fields, ...]:
    if raw is None:
        return ()
    found = []
    try:
        items = _OBJECTS.decode(raw)
    except _UNREADABLE:
        return ()
    for item in items:
        try:
            found.append(Fields(_OBJECT.decode(item)))
        except _UNREADABLE:
            continue
    return tuple(found)


def _mended(line: bytes) -> bytes:
    """Return the line as valid UTF-8 JSON without halves of surrogate pairs.

    JavaScript cuts strings between the two halves of a character, and escapes what is left.

    Raises:
        ValueError: It is no JSON at all.
    """
    value = json.loads(line.decode("utf-8", "replace"))
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")

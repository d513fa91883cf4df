"""What is wrong with a value's type, in a user's words instead of JSON's. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

_WHERE: Final = re.compile(r"^(?P<problem>.*?)(?: - at `\$(?P<inside>.*?)`)?$", re.DOTALL)
_KINDS: Final[Mapping[str, str]] = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "null": "nothing",
    "object": "a mapping",
    "str": "text",
}


def in_words(error: msgspec.ValidationError) -> tuple[str, str]:
    """Return where a value does not fit its type, and what is wrong with it.

    The path is empty for the whole, else it begins with its separator: `.timeout`, `[2].name`.
    """
    found = _WHERE.match(str(error))
    problem, inside = (found["problem"], found["inside"] or "") if found else (str(error), "")
    said = re.sub(r"`([a-z| ]+)`", _kinds, problem)
    return inside, said[:1].lower() + said[1:]


def _kinds(names: re.Match[str]) -> str:
    """Return `array | null` as "a list": that a field may be left out needs no saying."""
    kinds = [name for name in names[1].split(" | ") if name != "null"] or ["null"]
    return " or ".join(_KINDS.get(name, name) for name in kinds)


def kind_of(value: object) -> str:
    """Return what kind of value it is."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return _KINDS.get("null" if value is None else type(value).__name__, type(value).__name__)

"""TOML; positions are found by its headers and keys, which stand at the beginning of a line."""

from __future__ import annotations

import re
import tomllib
from typing import Final

from cc_executor.client.taskfiles.parsed import Malformed, Parsed, Position, join

_AT: Final = re.compile(r"^(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)
_HEADER: Final = re.compile(r"^\s*\[(\[?)\s*([\w.-]+)\s*\]?\]")
_KEY: Final = re.compile(r"^(\s*)([\w-]+)\s*=")


def parse(text: str) -> Parsed:
    """Return the content of a TOML document.

    Raises:
        Malformed: It is not TOML.
    """
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT.match(str(error))
        if found and found[2]:
            raise Malformed(found[1], Position(int(found[2]), int(found[3]))) from error
        raise Malformed(found[1] if found else str(error), Position(_last_line(text))) from error
    return Parsed(value, _positions(text))


def _positions(text: str) -> dict[str, Position]:
    positions = {"": Position(1, 1)}
    counts: dict[str, int] = {}
    prefix = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            prefix = header[2]
            if header[1]:
                counts[prefix] = counts.get(prefix, -1) + 1
                prefix = f"{prefix}[{counts[prefix]}]"
            positions.setdefault(prefix, Position(number, 1))
        elif key := _KEY.match(line):
            positions.setdefault(join(prefix, key[2]), Position(number, len(key[1]) + 1))
    return positions


def _last_line(text: str) -> int:
    return max(len(text.splitlines()), 1)

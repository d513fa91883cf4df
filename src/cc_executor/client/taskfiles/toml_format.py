"""TOML; positions are found by its headers and keys, which stand at the beginning of a line."""

from __future__ import annotations

import re
import tomllib
from typing import Final

from cc_executor.client.taskfiles.parsed import Malformed, Parsed, Position, join

_AT: Final = re.compile(
    r"^(?P<problem>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$",
    re.DOTALL,
)
_NAME: Final = r"[\w-]+(?:\s*\.\s*[\w-]+)*"
_HEADER: Final = re.compile(rf"^(?P<indent>\s*)\[(?P<array>\[?)\s*(?P<name>{_NAME})\s*\]")
_KEY: Final = re.compile(rf"^(?P<indent>\s*)(?P<name>{_NAME})\s*=")
_LONG_TEXT: Final = re.compile("\"\"\"|'''")


def parse(text: str) -> Parsed:
    """Return the content of a TOML document.

    Raises:
        Malformed: It is not TOML.
    """
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _malformed(str(error), text) from error
    except RecursionError:
        raise Malformed("is nested too deeply", Position(1, 1)) from None
    return Parsed(value, _positions(text))


def _malformed(said: str, text: str) -> Malformed:
    found = _AT.match(said)
    if found is None:
        return Malformed(said, Position(1, 1))
    if found["line"] is None:  # at the end of the document
        lines = text.rstrip("\n").split("\n")
        return Malformed(found["problem"], Position(len(lines), len(lines[-1]) + 1))
    return Malformed(found["problem"], Position(int(found["line"]), int(found["column"])))


def _positions(text: str) -> dict[str, Position]:
    """Return where tables and keys stand. What is inside an inline table is not found."""
    positions = {"": Position(1, 1)}
    arrays: dict[str, int] = {}  # by path: index of the last table
    table = ""
    closing = ""  # of the long text that we are in
    for number, line in enumerate(text.split("\n"), start=1):
        if closing:
            closing = "" if line.count(closing) % 2 else closing
            continue
        header = _HEADER.match(line)
        key = _KEY.match(line)
        if header:
            table = _table(header["name"], arrays, is_array=bool(header["array"]))
            positions.setdefault(table, Position(number, len(header["indent"]) + 1))
        elif key:
            path = join(table, re.sub(r"\s", "", key["name"]))
            positions.setdefault(path, Position(number, len(key["indent"]) + 1))
        begun = _LONG_TEXT.search(line)
        if begun and line.count(begun[0]) % 2:
            closing = begun[0]
    return positions


def _table(name: str, arrays: dict[str, int], *, is_array: bool) -> str:
    """Return the path of the table that a header opens; `arrays` learns of a new element."""
    parts = re.sub(r"\s", "", name).split(".")
    path = ""
    for at, part in enumerate(parts):
        path = join(path, part)
        if is_array and at == len(parts) - 1:
            arrays[path] = arrays.get(path, -1) + 1
        if path in arrays:
            path = f"{path}[{arrays[path]}]"
    return path

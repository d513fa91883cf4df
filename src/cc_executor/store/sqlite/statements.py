"""The store's SQL, read from the files that lie beside this module."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

import apsw

_NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_MIGRATION: Final = re.compile(r"(\d{4})_\w+\.sql")


@cache
def statements() -> Mapping[str, str]:
    """Return every statement by its name."""
    text = _folder().joinpath("statements.sql").read_text(encoding="utf-8")
    _, *named = _NAME.split(text)
    return dict(zip(named[::2], named[1::2], strict=True))


@cache
def migrations() -> tuple[str, ...]:
    """Return the scripts that make the schema: the first from nothing to version 1, and so on."""
    files = sorted(
        (entry for entry in _folder().iterdir() if _MIGRATION.fullmatch(entry.name)),
        key=lambda entry: entry.name,
    )
    return tuple(entry.read_text(encoding="utf-8") for entry in files)


def _folder() -> resources.abc.Traversable:
    return resources.files(__package__).joinpath("sql")


class Statements:
    """The named statements, on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._sql = statements()

    def run(self, name: str, /, **values: apsw.SQLiteValue) -> apsw.Cursor:
        """Run a statement; the cursor yields its rows."""
        return self._connection.execute(self._sql[name], values)

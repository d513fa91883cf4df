"""SQL, read from the files in the folder `sql` of a package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

import apsw

_NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_MIGRATION: Final = re.compile(r"(\d{4})_\w+\.sql")


#: The package with the SQL of the store.
STORE: Final = "cc_executor.store.sqlite"


@cache
def statements(package: str = STORE) -> Mapping[str, str]:
    """Return every statement of a package by its name."""
    text = _folder(package).joinpath("statements.sql").read_text(encoding="utf-8")
    _, *named = _NAME.split(text)
    return dict(zip(named[::2], named[1::2], strict=True))


@cache
def migrations(package: str = STORE) -> tuple[str, ...]:
    """Return the scripts that make a schema: the first from nothing to version 1, and so on."""
    files = sorted(
        (entry for entry in _folder(package).iterdir() if _MIGRATION.fullmatch(entry.name)),
        key=lambda entry: entry.name,
    )
    return tuple(entry.read_text(encoding="utf-8") for entry in files)


def _folder(package: str) -> resources.abc.Traversable:
    return resources.files(package).joinpath("sql")


class Statements:
    """The named statements of a package, on one connection."""

    def __init__(self, connection: apsw.Connection, package: str = STORE) -> None:
        self._connection = connection
        self._sql = statements(package)

    def run(self, name: str, /, **values: apsw.SQLiteValue) -> apsw.Cursor:
        """Run a statement; the cursor yields its rows."""
        return self._connection.execute(self._sql[name], values)

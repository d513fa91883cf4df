"""The settings in force, one a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from cc_executor.cli.render.terminal import in_columns
from cc_executor.settings import Row

_HEADINGS: Final = ("SETTING", "VALUE", "UNIT", "ORIGIN", "VARIABLE")


def settings_table(rows: Sequence[Row]) -> list[Text]:
    """Return a line of headings and a line for each setting; what is not set is `-`."""
    headings = [Text(heading, "bold") for heading in _HEADINGS]
    return in_columns([headings, *(_cells(row) for row in rows)])


def as_objects(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as JSON objects; what is not set is null."""
    return [{**row._asdict(), "value": _plain(row.value)} for row in rows]


def _cells(row: Row) -> list[Text]:
    value = _plain(row.value)
    shown = (
        ",".join(value)
        if isinstance(value, list)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
    return [
        Text(row.name),
        Text("-" if value in (None, []) else shown),
        Text(row.unit),
        Text(row.origin, "dim" if row.origin == "default" else ""),
        Text(row.variable, "dim"),
    ]


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value

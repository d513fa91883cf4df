"""JSON, strictly; positions come from reading it as the YAML that it nearly is."""

from __future__ import annotations

import json
from typing import Any

from cc_executor.client.taskfiles import yaml_format
from cc_executor.client.taskfiles.parsed import Malformed, Parsed, Position


def parse(text: str) -> Parsed:
    """Return the content of a JSON document.

    Raises:
        Malformed: It is not JSON, or has a key twice.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise Malformed(error.msg, Position(error.lineno, error.colno)) from error
    except RecursionError:
        raise Malformed("is nested too deeply") from None
    try:
        return Parsed(value, yaml_format.parse(text.expandtabs(1)).positions)
    except Malformed:
        return Parsed(value, {})


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for key, value in pairs:
        if key in built:
            raise Malformed(f"the key {key!r} stands twice")
        built[key] = value
    return built


def _refuse(constant: str) -> None:
    raise Malformed(f"{constant} is not JSON")

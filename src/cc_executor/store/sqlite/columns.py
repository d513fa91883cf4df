"""Values in JSON columns, there and back without loss."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

from cc_executor.errors import StoreUnavailable

_Value = TypeVar("_Value")


def to_json(value: object) -> str:
    """Return the value as JSON text.

    A file's name that is no UTF-8 is a string with lone surrogates to Python, which UTF-8 cannot
    carry; it is written in ASCII with escapes.
    """
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value))


def from_json(text: str, kind: type[_Value]) -> _Value:
    """Return the value that `to_json` was given.

    Raises:
        StoreUnavailable: It is damaged, or something that only a newer version knows.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError:
        return _from_escapes(text, kind)


def _from_escapes(text: str, kind: type[_Value]) -> _Value:
    try:
        return msgspec.convert(json.loads(text), kind)
    except ValueError as problem:
        raise StoreUnavailable(f"a record cannot be read: {problem}") from problem

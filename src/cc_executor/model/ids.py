"""Identifiers: sortable by time, readable, and derivable from each other.

An execution is `01k9z3v7m2q8x4t6wa5d`; its second task is `01k9z3v7m2q8x4t6wa5d.2`; the third
attempt at it `01k9z3v7m2q8x4t6wa5d.2.3`. Whoever holds the longest of them knows the others.
"""

from __future__ import annotations

import re
from typing import Final

from cc_executor.errors import InvalidSpec

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_TIME_CHARS: Final = 10  # 50 bits of milliseconds: good until the year 37000
_RANDOM_CHARS: Final = 10  # 50 random bits
ENTROPY_BYTES: Final = 7

#: What a caller may choose as an execution id (a UUID fits). No dot: it separates the levels.
EXECUTION_ID_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def new_execution_id(*, now_s: float, entropy: bytes) -> str:
    """Return a fresh execution id.

    Args:
        now_s: Seconds since the epoch, UTC.
        entropy: At least `ENTROPY_BYTES` random bytes.
    """
    milliseconds = int(now_s * 1000)
    return _base32(milliseconds, _TIME_CHARS) + _base32(
        int.from_bytes(entropy[:ENTROPY_BYTES], "big"), _RANDOM_CHARS
    )


def check_execution_id(execution_id: str) -> str:
    """Return the id unchanged.

    Raises:
        InvalidSpec: It could not serve as a folder's name everywhere.
    """
    if not EXECUTION_ID_PATTERN.fullmatch(execution_id):
        raise InvalidSpec(
            "execution_uuid",
            f"{execution_id!r} is not 1 to 64 letters, digits, '-' or '_'",
        )
    return execution_id


def task_id(execution_id: str, number: int) -> str:
    """Return the id of the task at 1-based position `number`."""
    return f"{execution_id}.{number}"


def attempt_id(of_task: str, number: int) -> str:
    """Return the id of the 1-based attempt `number` at a task."""
    return f"{of_task}.{number}"


def execution_of(any_id: str) -> str:
    """Return the execution's id inside a task's or attempt's id."""
    return any_id.split(".", 1)[0]


def task_of(of_attempt: str) -> str:
    """Return the task's id inside an attempt's id."""
    return of_attempt.rsplit(".", 1)[0]


def _base32(value: int, width: int) -> str:
    digits = []
    for _ in range(width):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))

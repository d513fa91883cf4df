"""References to earlier results: `{{ tasks.NAME.FIELD }}` in prompts and commands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from cc_executor.errors import InvalidSpec
from cc_executor.model.outcomes import Outcome

_REFERENCE: Final = re.compile(r"(\\?)\{\{\s*tasks\.([\w-]+)\.([\w-]+)\s*\}\}")


class Reference(NamedTuple):
    """One reference in a text."""

    task: str
    field: str


def _json(outcome: Outcome) -> str | None:
    value = outcome.claimed.structured
    return None if value is msgspec.UNSET else json.dumps(value, ensure_ascii=False)


def _exit_code(outcome: Outcome) -> str | None:
    executed = outcome.executed
    return None if executed is None or executed.exit_code is None else str(executed.exit_code)


#: What can be referred to, and where it comes from; None is "has no value".
FIELDS: Final[Mapping[str, Callable[[Outcome], str | None]]] = {
    "result": lambda outcome: outcome.claimed.text,
    "json": _json,
    "exit_code": _exit_code,
    "state": lambda outcome: str(outcome.state),
    "files_created": lambda outcome: "\n".join(outcome.changes.created),
    "files_modified": lambda outcome: "\n".join(outcome.changes.modified),
    "session_id": lambda outcome: outcome.agent_session_id,
}


def references(text: str) -> tuple[Reference, ...]:
    """Return the references in a text, in order. A backslash escapes one; other braces mean nothing."""
    return tuple(
        Reference(found[2], found[3]) for found in _REFERENCE.finditer(text) if not found[1]
    )


def resolve(text: str, outcomes: Mapping[str, Outcome]) -> str:
    """Return the text with every reference replaced by its value.

    Args:
        text: A prompt, or a word of a command.
        outcomes: Of the tasks that have ended, by name.

    Raises:
        InvalidSpec: A reference has no value.
    """

    def value_of(found: re.Match[str]) -> str:
        if found[1]:
            return found[0][1:]
        name, field = found[2], found[3]
        outcome = outcomes.get(name)
        value = FIELDS[field](outcome) if outcome is not None and field in FIELDS else None
        if value is None:
            raise InvalidSpec("", f"{found[0]} has no value: task {name!r} gave no {field}")
        return value

    return _REFERENCE.sub(value_of, text)

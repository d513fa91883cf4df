r"""What a task says about earlier ones: `{{ tasks.NAME.FIELD }}` in a prompt or a command.

Only text that begins like a reference is looked at: every other `{{ }}` (prompts are full of
template languages) stays as it is, and `\{{ tasks.` stands for a literal `{{ tasks.`. Values are
put in once and not read again, so what an agent answers cannot refer to anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from cc_executor.errors import InvalidSpec
from cc_executor.model.outcomes import Outcome
from cc_executor.model.specs import MAX_PROMPT_BYTES

_REFERENCE: Final = re.compile(
    r"""
    (?P<escape>\\)?
    \{\{ [ \t]* tasks [ \t]* \.
    (?P<path> [^{}\n]* )
    (?P<end> \}\} )?
    """,
    re.VERBOSE,
)


def _result(outcome: Outcome) -> str | None:
    return outcome.claimed.text


def _json(outcome: Outcome) -> str | None:
    value = outcome.claimed.structured
    return None if value is msgspec.UNSET else msgspec.json.encode(value).decode()


def _exit_code(outcome: Outcome) -> str | None:
    executed = outcome.executed
    return None if executed is None or executed.exit_code is None else str(executed.exit_code)


def _cost_usd(outcome: Outcome) -> str | None:
    return None if outcome.cost_usd is None else repr(outcome.cost_usd)


class FieldFacts(NamedTuple):
    """One thing that can be said about an earlier task.

    Attributes:
        value: Its text, None when the task has no such thing.
        meaning: For the documentation.
    """

    value: Callable[[Outcome], str | None]
    meaning: str


FIELDS: Final[Mapping[str, FieldFacts]] = {
    "result": FieldFacts(_result, "the agent's answer"),
    "json": FieldFacts(_json, "the structured answer of a task with a `json_schema`, as JSON"),
    "exit_code": FieldFacts(_exit_code, "the exit status of the agent or command"),
    "state": FieldFacts(lambda outcome: str(outcome.state), "the state in which the task ended"),
    "files_created": FieldFacts(
        lambda outcome: "\n".join(outcome.changes.created),
        "the files that appeared in the workspace, one per line",
    ),
    "files_modified": FieldFacts(
        lambda outcome: "\n".join(outcome.changes.modified),
        "the files that changed in the workspace, one per line",
    ),
    "session_id": FieldFacts(
        lambda outcome: outcome.agent_session_id, "the agent's session, for `--resume`"
    ),
    "cost_usd": FieldFacts(_cost_usd, "what the task cost, in US dollars"),
}


class Reference(NamedTuple):
    """One `{{ tasks.NAME.FIELD }}`, as written."""

    text: str
    task: str
    field: str


def references(text: str) -> tuple[Reference, ...]:
    """Return the references in `text`, in order.

    Raises:
        InvalidSpec: Something begins like a reference and is none (`where` is empty).
    """
    if "{{" not in text:  # nearly every prompt
        return ()
    return tuple(
        _reference(match) for match in _REFERENCE.finditer(text) if match["escape"] is None
    )


def resolve(
    text: str, outcomes: Mapping[str, Outcome], *, max_bytes: int = MAX_PROMPT_BYTES
) -> str:
    """Return `text` with every reference replaced by its value.

    Args:
        text: A prompt, or one argument of a command; its references are valid.
        outcomes: Of the tasks that have ended, by name.
        max_bytes: Most bytes of UTF-8 that the result may have.

    Raises:
        InvalidSpec: A reference has no value, or one that cannot be passed on (`where` is empty).
    """
    if "{{" not in text:
        return text
    size = 0

    def value(match: re.Match[str]) -> str:
        nonlocal size
        if match["escape"] is not None:
            return match[0][1:]
        reference = _reference(match)
        found = _value(reference, outcomes)
        size += len(found.encode())
        if size > max_bytes:  # before ten copies of an answer of 16 MiB are put together
            raise _too_big(reference.text, max_bytes)
        return found

    resolved = _REFERENCE.sub(value, text)
    if size and len(resolved.encode()) > max_bytes:
        raise _too_big("the text with its references", max_bytes)
    return resolved


def check_references(
    text: str, *, where: str, names: Collection[str], is_upstream: Callable[[str], bool]
) -> None:
    """Do nothing when every reference in `text` will find its task ended.

    Args:
        text: A prompt, or one argument of a command.
        where: Path of the field, for the error.
        names: The tasks of the list.
        is_upstream: Whether a task has succeeded before this one starts.

    Raises:
        InvalidSpec: A reference is malformed, unknown, or to a task that need not have ended.
    """
    try:
        found = references(text)
    except InvalidSpec as malformed:
        raise InvalidSpec(where, malformed.problem, hint=malformed.hint) from None
    for reference in found:
        if reference.task not in names:
            problem = f"{reference.text} names a task that does not exist"
            raise InvalidSpec(where, problem, hint=nearest(reference.task, names))
        if not is_upstream(reference.task):
            problem = f"{reference.text} names a task that need not have ended before this one"
            hint = f"Add {reference.task!r} to the `needs` of this task."
            raise InvalidSpec(where, problem, hint=hint)


def nearest(wrong: str, known: Collection[str]) -> str:
    """Return a hint that names what was probably meant, or else what there is."""
    close = get_close_matches(wrong, known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    shown = ", ".join(islice(known, _MOST_SHOWN))
    return f"There is: {shown}{', ...' if len(known) > _MOST_SHOWN else ''}."


_MOST_SHOWN: Final = 20
_UNRESOLVED: Final = "Refer to what the earlier task always gives, or ask it for that."
_LITERALLY: Final = r"Write \{{ for braces that are meant literally."


def _reference(match: re.Match[str]) -> Reference:
    """Return what the match refers to.

    Raises:
        InvalidSpec: It is not of the form `{{ tasks.NAME.FIELD }}`.
    """
    shown = match[0].strip()[:80]
    if match["end"] is None:
        raise InvalidSpec("", f"{shown} has no closing }}}}", hint=_LITERALLY)
    parts = [part.strip() for part in match["path"].split(".")]
    if len(parts) != 2 or not all(parts):
        problem = f"{shown} is not of the form {{{{ tasks.NAME.FIELD }}}}"
        raise InvalidSpec("", problem, hint=_LITERALLY)
    task, field = parts
    if field not in FIELDS:
        problem = f"{shown} asks for {field!r}, which tasks do not have"
        raise InvalidSpec("", problem, hint=f"{nearest(field, FIELDS)} {_LITERALLY}")
    return Reference(shown, task, field)


def _value(reference: Reference, outcomes: Mapping[str, Outcome]) -> str:
    outcome = outcomes.get(reference.task)
    if outcome is None:
        raise _unresolved(reference, f"task {reference.task!r} has not succeeded")
    found = FIELDS[reference.field].value(outcome)
    if found is None:
        raise _unresolved(reference, f"task {reference.task!r} gave none")
    if "\0" in found or any("\ud800" <= character <= "\udfff" for character in found):
        raise _unresolved(reference, "it holds characters that no program can receive")
    return found


def _unresolved(reference: Reference, why: str) -> InvalidSpec:
    return InvalidSpec("", f"{reference.text} has no value: {why}", hint=_UNRESOLVED)


def _too_big(what: str, max_bytes: int) -> InvalidSpec:
    return InvalidSpec("", f"{what} would exceed {max_bytes:,} bytes", hint=_UNRESOLVED)

"""What a task may ask to have checked: refused before anything runs where it could never hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cc_executor.errors import InvalidSpec
from cc_executor.model.specs import Expects, TaskSpec

MAX_CHECKS: Final = 50
MAX_EXPECTATIONS: Final = 1000


def check_verification(spec: TaskSpec, where: str) -> None:
    """Do nothing when what the task asks to have checked can be checked.

    Args:
        spec: The task.
        where: Its path in the list, for errors.

    Raises:
        InvalidSpec: With the path of the field that is wrong.
    """
    if len(spec.checks) > MAX_CHECKS:
        raise InvalidSpec(f"{where}.checks", f"{len(spec.checks)} checks; at most {MAX_CHECKS}")
    for at, argv in enumerate(spec.checks):
        if not argv or not argv[0]:
            raise InvalidSpec(
                f"{where}.checks[{at}]",
                "names no program",
                hint="Give a list: the program, then its arguments. No shell reads it.",
            )
    if spec.expects is not None:
        _check_expects(spec.expects, f"{where}.expects")
    if spec.validation_prompt is not None and not spec.validation_prompt.strip():
        raise InvalidSpec(f"{where}.validation_prompt", "is empty", hint="Leave it out for none.")
    if spec.repairs and spec.command is not None:
        raise InvalidSpec(
            f"{where}.repairs",
            "a command has no session that could repair anything",
            hint="Use `retries` to run it again.",
        )


def _check_expects(expects: Expects, where: str) -> None:
    paths = tuple(_paths(expects, where))
    if len(paths) > MAX_EXPECTATIONS:
        raise InvalidSpec(where, f"{len(paths):,} paths; at most {MAX_EXPECTATIONS:,}")
    for path, place in paths:
        _check_path(path, place)
    for path, texts in expects.contains.items():
        if not texts or not all((texts,) if isinstance(texts, str) else texts):
            raise InvalidSpec(f"{where}.contains.{path}", "is empty: every file contains that")
    both = {*expects.files, *expects.contains} & set(expects.absent)
    if both:
        path = min(both)
        raise InvalidSpec(f"{where}.absent", f"{path!r} is expected to be there as well")


def _paths(expects: Expects, where: str) -> Iterator[tuple[str, str]]:
    for field in ("files", "absent", "unchanged"):
        for at, path in enumerate(getattr(expects, field)):
            yield path, f"{where}.{field}[{at}]"
    for path in expects.contains:
        yield path, f"{where}.contains"


def _check_path(path: str, place: str) -> None:
    hint = "Give a path relative to the workspace, without `..`."
    if path.startswith("/"):
        raise InvalidSpec(place, f"{path!r} is absolute", hint=hint)
    parts = path.split("/")
    if ".." in parts:
        raise InvalidSpec(place, f"{path!r} leads upwards", hint=hint)
    if not [part for part in parts if part not in ("", ".")]:
        raise InvalidSpec(place, f"{path!r} is the workspace itself", hint=hint)
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in path):
        raise InvalidSpec(place, "no file can have such a name", hint=hint)


def expectations(expects: Expects) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield every line of `expects`: its kind, its path, and the texts a file must contain."""
    for kind in ("files", "absent", "unchanged"):
        yield from ((kind, path, ()) for path in getattr(expects, kind))
    for path, texts in expects.contains.items():
        yield "contains", path, (texts,) if isinstance(texts, str) else texts

"""From what a user wrote to a checked task list. Pure."""

from __future__ import annotations

import difflib
import os.path
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from cc_executor.errors import InvalidPrompt, InvalidSpec
from cc_executor.model.plan import Ancestry, cycle
from cc_executor.model.references import FIELDS, references
from cc_executor.model.schema import check_schema
from cc_executor.model.specs import MAX_PROMPT_BYTES, MAX_TASKS, NAME_PATTERN, TaskList, TaskSpec

_MAX_RETRIES: Final = 100
_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TASK_FIELDS: Final = TaskSpec.__struct_fields__
_LIST_FIELDS: Final = ("tasks", "defaults", "agent", "workspace", "title", "stop_on_failure")
_WHERE: Final = re.compile(r"^(.*?)(?: - at `\$(.*?)`)?$", re.DOTALL)


def task_list(value: object, *, workspace: str, sequential: bool = True) -> TaskList:
    """Return the list that a value describes, names and needs filled in.

    Args:
        value: A sequence of prompts and task mappings, or a mapping with `tasks` and what holds
            for all of them: `defaults`, `agent`, `workspace`, `title`, `stop_on_failure`.
        workspace: Absolute path that a relative workspace is relative to.
        sequential: Whether a task without `needs` waits for the one before it.

    Raises:
        InvalidSpec: With the path of the field that is wrong.
        InvalidPrompt: A prompt cannot be given to any agent.
    """
    whole = _mapping(value)
    _refuse_unknown(whole, _LIST_FIELDS, "")
    defaults = dict(_typed(whole.get("defaults", {}), dict[str, Any], "defaults"))
    _refuse_unknown(defaults, _TASK_FIELDS, "defaults")
    if "agent" in whole:
        defaults["agent"] = whole["agent"]
    entries = _typed(whole.get("tasks"), list[Any], "tasks")
    if not entries:
        raise InvalidSpec("tasks", "there is no task")
    if len(entries) > MAX_TASKS:
        raise InvalidSpec("tasks", f"{len(entries)} tasks; at most {MAX_TASKS} are allowed")
    specs = [_spec(entry, defaults, f"tasks[{place}]") for place, entry in enumerate(entries)]
    specs = _named(specs, sequential=sequential)
    _check_shape(specs)
    for place, spec in enumerate(specs):
        _check(spec, f"tasks[{place}]")
    _check_references(specs)
    return TaskList(
        tasks=tuple(specs),
        workspace=_joined(workspace, whole.get("workspace")),
        stop_on_failure=_typed(whole.get("stop_on_failure", True), bool, "stop_on_failure"),
        title=_typed(whole.get("title", ""), str, "title"),
    )


def _mapping(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return {"tasks": list(value)}
    raise InvalidSpec("", "a task list is a list of tasks, or a mapping with `tasks`")


def _spec(entry: object, defaults: Mapping[str, Any], where: str) -> TaskSpec:
    if isinstance(entry, TaskSpec):
        return entry
    if isinstance(entry, str):
        entry = {"prompt": entry}
    if not isinstance(entry, Mapping):
        raise InvalidSpec(where, "a task is a prompt, or a mapping with `prompt` or `command`")
    _refuse_unknown(entry, _TASK_FIELDS, where)
    fields = {**defaults, **entry}
    if "env" in defaults and "env" in entry:
        fields["env"] = {**defaults["env"], **entry["env"]}
    spec: TaskSpec = _typed(fields, TaskSpec, where)
    return spec


def _typed(value: object, kind: Any, where: str) -> Any:  # noqa: ANN401 - a type and its value
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        found = _WHERE.match(str(error))
        problem, inside = (found[1], found[2] or "") if found else (str(error), "")
        raise InvalidSpec(f"{where}{inside}", problem[:1].lower() + problem[1:]) from None


def _refuse_unknown(fields: Mapping[Any, Any], known: Sequence[str], where: str) -> None:
    for name in fields:
        if name not in known:
            path = f"{where}.{name}" if where else str(name)
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(known))}."
            raise InvalidSpec(path, f"unknown field {name!r}", hint=hint)


def _named(specs: Sequence[TaskSpec], *, sequential: bool) -> list[TaskSpec]:
    named: list[TaskSpec] = []
    for number, spec in enumerate(specs, start=1):
        name = spec.name or f"task-{number}"
        needs = spec.needs
        if needs is None:
            needs = (named[-1].name,) if named and sequential else ()
        named.append(msgspec.structs.replace(spec, name=name, needs=needs))
    return named


def _check_shape(specs: Sequence[TaskSpec]) -> None:
    names: dict[str, int] = {}
    for place, spec in enumerate(specs):
        if not NAME_PATTERN.fullmatch(spec.name):
            raise InvalidSpec(
                f"tasks[{place}].name", f"{spec.name!r} is not 1 to 64 letters, digits, '-', '_'"
            )
        if spec.name in names:
            raise InvalidSpec(f"tasks[{place}].name", f"{spec.name!r} is the name of another task")
        names[spec.name] = place
    for place, spec in enumerate(specs):
        for need in spec.needs or ():
            if need not in names:
                near = difflib.get_close_matches(need, names, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else None
                raise InvalidSpec(f"tasks[{place}].needs", f"there is no task {need!r}", hint=hint)
    circle = cycle({spec.name: spec.needs or () for spec in specs})
    if circle:
        raise InvalidSpec("tasks", f"tasks wait for each other: {' -> '.join(circle)}")


def _check(spec: TaskSpec, where: str) -> None:
    if (spec.prompt is None) == (spec.command is None):
        raise InvalidSpec(where, "a task has either `prompt` or `command`")
    if spec.prompt is not None:
        check_prompt(spec.prompt, where)
    if spec.command is not None:
        _check_command(spec.command, where)
    _check_numbers(spec, where)
    for name, value in spec.env.items():
        if not _ENV_NAME.fullmatch(name):
            raise InvalidSpec(f"{where}.env", f"{name!r} is not the name of a variable")
        _check_text(value, f"{where}.env.{name}")
    if spec.json_schema is not None:
        problem = check_schema(spec.json_schema)
        if problem is not None:
            raise InvalidSpec(f"{where}.json_schema", f"{problem.where}: {problem.problem}")


def _check_command(command: Sequence[str], where: str) -> None:
    if not command or not command[0]:
        raise InvalidSpec(f"{where}.command", "names no program")
    for word in command:
        _check_text(word, f"{where}.command")


def _check_numbers(spec: TaskSpec, where: str) -> None:
    for name in ("timeout", "start_timeout_s", "idle_timeout_s"):
        seconds = getattr(spec, name)
        if isinstance(seconds, int | float) and not 0 < seconds < float("inf"):
            raise InvalidSpec(f"{where}.{name}", "must be a number of seconds above 0")
    if not 0 <= spec.retries <= _MAX_RETRIES:
        raise InvalidSpec(f"{where}.retries", f"must be 0 to {_MAX_RETRIES}")
    if spec.max_turns is not None and spec.max_turns < 1:
        raise InvalidSpec(f"{where}.max_turns", "must be at least 1")


def check_prompt(prompt: str, where: str = "prompt") -> None:
    """Do nothing when an agent can be given the prompt.

    Raises:
        InvalidPrompt: It is empty, too large, or holds NUL or half characters.
    """
    if not prompt.strip():
        raise InvalidPrompt(f"{where}: the prompt is empty")
    if "\0" in prompt:
        raise InvalidPrompt(f"{where}: the prompt holds a NUL byte")
    try:
        size = len(prompt.encode())
    except UnicodeEncodeError:
        raise InvalidPrompt(f"{where}: the prompt holds half a character (a surrogate)") from None
    if size > MAX_PROMPT_BYTES:
        raise InvalidPrompt(
            f"{where}: the prompt has {size} bytes; at most {MAX_PROMPT_BYTES} are allowed",
            hint="Put long material into a file of the workspace and name it in the prompt.",
        )


def _check_text(text: str, where: str) -> None:
    if "\0" in text:
        raise InvalidSpec(where, "holds a NUL byte")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidSpec(where, "holds half a character (a surrogate)") from None


def _check_references(specs: Sequence[TaskSpec]) -> None:
    ancestry = Ancestry({spec.name: spec.needs or () for spec in specs})
    names = {spec.name for spec in specs}
    for place, spec in enumerate(specs):
        texts = spec.command if spec.command is not None else (spec.prompt or "",)
        for reference in (found for text in texts for found in references(text)):
            where = f"tasks[{place}].{'prompt' if spec.command is None else 'command'}"
            if reference.task not in names:
                near = difflib.get_close_matches(reference.task, names, n=1)
                raise InvalidSpec(
                    where,
                    f"refers to a task {reference.task!r} that is not in the list",
                    hint=f"Did you mean {near[0]!r}?" if near else "Write \\{{ to mean the braces.",
                )
            if reference.field not in FIELDS:
                raise InvalidSpec(
                    where,
                    f"a task has no {reference.field!r} to refer to",
                    hint=f"There are: {', '.join(FIELDS)}.",
                )
            if not ancestry.precedes(reference.task, spec.name):
                raise InvalidSpec(
                    where, f"refers to {reference.task!r}, which need not have ended by then"
                )


def _joined(base: str, path: object) -> str:
    return os.path.normpath(os.path.join(base, _typed(path or ".", str, "workspace")))  # noqa: PTH118 - no I/O here

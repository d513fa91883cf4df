"""From what a user wrote to a checked task list. Pure.

The shape of every field is declared in `specs`; what a declaration cannot say stands here: ranges,
names, needs, references, and what no program could be given.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, get_args

import msgspec

from cc_executor.errors import InvalidPrompt, InvalidSpec
from cc_executor.model.budgets import KINDS, Budget
from cc_executor.model.limits import check_limits
from cc_executor.model.plan import Ancestry, cycle
from cc_executor.model.references import check_references, nearest
from cc_executor.model.schema import check_schema
from cc_executor.model.specs import (
    MAX_PROMPT_BYTES,
    MAX_TASKS,
    NAME_PATTERN,
    Isolation,
    Park,
    PermissionMode,
    TaskList,
    TaskSpec,
)
from cc_executor.model.verifying import check_verification
from cc_executor.model.waits import check_waits
from cc_executor.model.wording import in_words, kind_of

MAX_RETRIES: Final = 100
MAX_REPAIRS: Final = 5
MAX_PRIORITY: Final = 100
#: Of any kind: a column of the ledger can hold a million times as much.
MAX_BUDGET: Final = 1_000_000_000
#: Longest argument that Linux passes to a program. Source: MAX_ARG_STRLEN, execve(2).
MAX_ARGUMENT_BYTES: Final = 128 * 1024 - 1

_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LIST_FIELDS: Final = (
    "tasks",
    "defaults",
    "agent",
    "workspace",
    "title",
    "stop_on_failure",
    "priority",
    "budget",
    "park",
)
_TASK_FIELDS: Final = TaskSpec.__struct_fields__
#: What a task adds to the defaults instead of taking their place.
_MERGED: Final = ("env", "limits")
#: What can hold for all tasks: everything but what makes a task that task.
_DEFAULTS: Final = tuple(
    field for field in _TASK_FIELDS if field not in {"name", "prompt", "command"}
)


def task_list(value: object, *, workspace: str, sequential: bool = True) -> TaskList:
    """Return the list that a value describes, names and needs filled in.

    Args:
        value: A sequence of prompts, task mappings and `TaskSpec`s; or a mapping with such `tasks`
            and what holds for all of them: `defaults`, `agent`, `workspace`, `title`,
            `stop_on_failure`, `priority`, `budget`, `park`.
        workspace: Absolute path that a relative workspace is relative to.
        sequential: Whether a task without `needs` waits for the one before it.

    Raises:
        InvalidSpec: With the path of the field that is wrong.
        InvalidPrompt: A prompt cannot be given to any agent.
    """
    whole = _whole(value)
    defaults = _defaults(whole)
    entries = _typed(whole["tasks"], tuple[Any, ...], "tasks")
    if not entries:
        raise InvalidSpec("tasks", "there is no task", hint="Give at least one.")
    if len(entries) > MAX_TASKS:
        raise InvalidSpec("tasks", f"{len(entries):,} tasks; at most {MAX_TASKS:,} are allowed")
    given = [_spec(entry, defaults, f"tasks[{at}]") for at, entry in enumerate(entries)]
    specs = _named(given, sequential=sequential)
    _check_names(specs)
    needs = _checked_needs(specs)
    ancestry = Ancestry(needs)
    for at, spec in enumerate(specs):
        _check_texts(spec, f"tasks[{at}]", needs, _upstream_of(spec, ancestry))
    title = _typed(whole.get("title", ""), str, "title")
    _check_text(title, "title")
    return TaskList(
        tasks=tuple(specs),
        workspace=_joined(workspace, whole.get("workspace")),
        stop_on_failure=_typed(whole.get("stop_on_failure", True), bool, "stop_on_failure"),
        title=title,
        priority=_priority(whole.get("priority", 0)),
        budget=_budget(whole.get("budget"), "budget"),
    )


def _priority(value: object) -> int:
    number: int = _typed(value, int, "priority")
    if abs(number) > MAX_PRIORITY:
        raise InvalidSpec("priority", f"must be from -{MAX_PRIORITY} to {MAX_PRIORITY}")
    return number


# --- the whole and its parts ---------------------------------------------------------------------


def _whole(value: object) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        _refuse_unknown(value, LIST_FIELDS, "", "a task list")
        if "tasks" not in value:
            raise InvalidSpec("", "`tasks` is missing", hint="Put the tasks in a list `tasks`.")
        return value
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return {"tasks": value}
    raise InvalidSpec("", "a task list is a list of tasks, or a mapping with `tasks`")


def _defaults(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that every task takes over, each known to be good."""
    defaults = whole.get("defaults", {})
    if not isinstance(defaults, Mapping):
        raise InvalidSpec("defaults", f"expected a mapping, got {kind_of(defaults)}")
    _refuse_unknown(defaults, _DEFAULTS, "defaults", "`defaults`")
    _converted(defaults, "defaults")
    fields = dict(defaults)
    if "agent" in whole:
        fields["agent"] = _typed(whole["agent"], str, "agent")
    if "park" in whole:
        fields["park"] = _typed(whole["park"], Park | bool | None, "park")
    return fields


def _spec(entry: object, defaults: Mapping[str, Any], where: str) -> TaskSpec:
    if isinstance(entry, TaskSpec):
        entry = msgspec.structs.asdict(entry)
        unset = msgspec.structs.asdict(TaskSpec())
        entry = {field: value for field, value in entry.items() if value != unset[field]}
    if isinstance(entry, str):
        entry = {"prompt": entry}
    if not isinstance(entry, Mapping):
        problem = f"expected a prompt or a mapping, got {kind_of(entry)}"
        raise InvalidSpec(where, problem, hint="A mapping has a `prompt` or a `command`.")
    _refuse_unknown(entry, _TASK_FIELDS, where, "a task")
    if (entry.get("prompt") is None) == (entry.get("command") is None):
        problem = "a task has either a `prompt` or a `command`"
        raise InvalidSpec(where, problem, hint="Give one of them.")
    fields = {**defaults, **entry}
    for name in _MERGED:
        own = entry.get(name)
        if isinstance(own, Mapping) and isinstance(defaults.get(name), Mapping):
            fields[name] = {**defaults[name], **own}
    return _converted(fields, where)


def _converted(fields: Mapping[str, Any], where: str) -> TaskSpec:
    """Return the fields as a spec, each with a value in its range."""
    env = fields.get("env")
    if isinstance(env, Mapping):  # msgspec would not say which variable
        for name, text in env.items():
            _typed(text, str, f"{where}.env.{name}")
    spec: TaskSpec = _typed(fields, TaskSpec, where)
    for field, (is_good, problem) in _RANGES.items():
        number = getattr(spec, field)
        if isinstance(number, int | float) and not is_good(number):
            raise InvalidSpec(f"{where}.{field}", problem)
    for name in spec.env:
        if not _ENV_NAME.fullmatch(name):
            raise InvalidSpec(f"{where}.env", f"{name!r} is not the name of a variable")
    if spec.kind and not NAME_PATTERN.fullmatch(spec.kind):
        problem = f"{spec.kind!r} is not 1 to 64 letters, digits, '-' or '_'"
        raise InvalidSpec(f"{where}.kind", problem, hint=_naming_hint(spec.kind))
    if spec.json_schema is not None:
        check_schema(spec.json_schema, where=f"{where}.json_schema")
    check_verification(spec, where)
    check_limits(spec.limits, f"{where}.limits")
    if spec.budget is not None:
        _check_budget(spec.budget, f"{where}.budget")
    check_waits(spec, where)
    return spec


def _budget(value: object, where: str) -> Budget | None:
    budget: Budget | None = _typed(value, Budget | None, where)
    if budget is not None:
        _check_budget(budget, where)
    return budget


def _check_budget(budget: Budget, where: str) -> None:
    for kind in KINDS:
        amount = getattr(budget, kind)
        if amount is not None and not 0 < amount <= MAX_BUDGET:
            raise InvalidSpec(f"{where}.{kind}", f"must be above 0, and at most {MAX_BUDGET:,}")
    if all(getattr(budget, kind) is None for kind in KINDS):
        raise InvalidSpec(where, "limits nothing", hint=f"Give one of {', '.join(KINDS)}.")


def _is_duration(seconds: float) -> bool:
    return 0 < seconds < float("inf")  # also refuses NaN


_SECONDS: Final = (_is_duration, "must be a number of seconds above 0")
_RANGES: Final[Mapping[str, tuple[Callable[[float], bool], str]]] = {
    "timeout": (_is_duration, "must be a number of seconds above 0, or `auto`"),
    "queue_timeout_s": _SECONDS,
    "start_timeout_s": _SECONDS,
    "first_byte_timeout_s": _SECONDS,
    "idle_timeout_s": _SECONDS,
    "check_timeout_s": _SECONDS,
    "repairs": (lambda count: 0 <= count <= MAX_REPAIRS, f"must be from 0 to {MAX_REPAIRS}"),
    "retries": (lambda count: 0 <= count <= MAX_RETRIES, f"must be from 0 to {MAX_RETRIES}"),
    "max_turns": (lambda count: count >= 1, "must be at least 1"),
}


# --- types ---------------------------------------------------------------------------------------

#: What fields with a choice of words may be.
_CHOICES: Final[Mapping[str, str]] = {
    "timeout": "a number of seconds, or `auto`",
    "permission_mode": f"one of {', '.join(get_args(PermissionMode))}",
    "unknown_cost": "`allow` or `block`",
    "isolation": f"one of {', '.join(get_args(Isolation))}",
    "resume": "auto or never",
}


def _typed(value: object, kind: Any, where: str) -> Any:  # noqa: ANN401 - a type and its value
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        inside, problem = in_words(error)
        path = where + inside
        field = path.rpartition(".")[2]
        if problem.startswith("invalid enum value") and field in _CHOICES:
            raise InvalidSpec(path, f"must be {_CHOICES[field]}") from None
        raise InvalidSpec(path, problem) from None


def _refuse_unknown(fields: Mapping[Any, Any], known: Sequence[str], where: str, what: str) -> None:
    for name in fields:
        if name not in known:
            path = f"{where}.{name}" if where else f"{name}"
            raise InvalidSpec(path, f"{what} has no field {name!r}", hint=nearest(f"{name}", known))


# --- the shape of the list -----------------------------------------------------------------------


def _named(specs: Sequence[TaskSpec], *, sequential: bool) -> list[TaskSpec]:
    named: list[TaskSpec] = []
    for number, spec in enumerate(specs, start=1):
        needs = spec.needs
        if needs is None:
            needs = (named[-1].name,) if named and sequential else ()
        name = spec.name or f"task-{number}"
        named.append(msgspec.structs.replace(spec, name=name, needs=needs))
    return named


def _check_names(specs: Sequence[TaskSpec]) -> None:
    taken: set[str] = set()
    for at, spec in enumerate(specs):
        if not NAME_PATTERN.fullmatch(spec.name):
            problem = f"{spec.name!r} is not 1 to 64 letters, digits, '-' or '_'"
            raise InvalidSpec(f"tasks[{at}].name", problem, hint=_naming_hint(spec.name))
        if spec.name in taken:
            problem = f"{spec.name!r} is the name of an earlier task"
            raise InvalidSpec(f"tasks[{at}].name", problem, hint="Names are unique in a list.")
        taken.add(spec.name)


def _naming_hint(name: str) -> str:
    possible = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")[:64]
    return f"{possible!r} would do." if possible else "Leave it out for `task-N`."


def _checked_needs(specs: Sequence[TaskSpec]) -> dict[str, tuple[str, ...]]:
    needs = {spec.name: spec.needs or () for spec in specs}
    for at, spec in enumerate(specs):
        for need in needs[spec.name]:
            if need not in needs:
                hint = nearest(need, needs)
                raise InvalidSpec(f"tasks[{at}].needs", f"there is no task {need!r}", hint=hint)
    circle = cycle(needs)
    if circle:
        at = list(needs).index(circle[0])
        problem = f"tasks wait for each other: {' -> '.join(circle)}"
        hint = "A task without `needs` waits for the one before it; `needs: []` waits for none."
        raise InvalidSpec(f"tasks[{at}].needs", problem, hint=hint)
    return needs


def _upstream_of(spec: TaskSpec, ancestry: Ancestry) -> Callable[[str], bool]:
    return lambda earlier: ancestry.precedes(earlier, spec.name)


# --- texts ---------------------------------------------------------------------------------------


def _check_texts(
    spec: TaskSpec, where: str, names: Collection[str], is_upstream: Callable[[str], bool]
) -> None:
    """Do nothing when every text of the task can reach a program, and its references a value."""
    if spec.prompt is not None:
        check_prompt(spec.prompt, f"{where}.prompt")
        check_references(spec.prompt, where=f"{where}.prompt", names=names, is_upstream=is_upstream)
    if spec.command is not None and not (spec.command and spec.command[0]):
        raise InvalidSpec(f"{where}.command", "names no program", hint=_COMMAND)
    for at, word in enumerate(spec.command or ()):
        place = f"{where}.command[{at}]"
        check_references(word, where=place, names=names, is_upstream=is_upstream)
    for path, text in _arguments(spec):
        _check_text(text, f"{where}.{path}")
    if not spec.agent:
        raise InvalidSpec(f"{where}.agent", "is empty", hint="Leave it out for `claude`.")


_COMMAND: Final = "Give a list: the program, then its arguments. No shell reads it."


def check_prompt(prompt: str, where: str) -> None:
    """Do nothing when an agent can be given the prompt.

    Args:
        prompt: The prompt.
        where: Path of the field, for the error.

    Raises:
        InvalidPrompt: It is blank, too large, or holds NUL or half characters.
    """
    if not prompt or prompt.isspace():
        raise InvalidPrompt("the prompt is empty", where=where)
    problem = _unsendable(prompt)
    if problem is not None:
        raise InvalidPrompt(problem, where=where)
    size = len(prompt.encode())
    if size > MAX_PROMPT_BYTES:
        raise InvalidPrompt(
            f"the prompt has {size:,} bytes; at most {MAX_PROMPT_BYTES:,} are allowed",
            where=where,
            hint="Put what is long into a file of the workspace, and name the file in the prompt.",
        )


def _arguments(spec: TaskSpec) -> Iterator[tuple[str, str]]:
    """Yield every text that reaches a program as an argument or variable, with its path."""
    for field in _TASK_FIELDS:
        value = getattr(spec, field)
        if field in ("prompt", "json_schema"):
            continue
        if isinstance(value, str):
            yield field, value
        elif field == "checks":
            for at, argv in enumerate(spec.checks):
                yield from ((f"checks[{at}][{n}]", word) for n, word in enumerate(argv))
        elif isinstance(value, tuple):
            yield from ((f"{field}[{at}]", text) for at, text in enumerate(value))
        elif isinstance(value, dict):
            yield from ((f"{field}.{name}", text) for name, text in value.items())


def _check_text(text: str, where: str) -> None:
    problem = _unsendable(text)
    if problem is None and len(text) > MAX_ARGUMENT_BYTES // 4:
        size = len(text.encode())
        if size > MAX_ARGUMENT_BYTES:
            problem = f"has {size:,} bytes; an argument can hold {MAX_ARGUMENT_BYTES:,}"
    if problem is not None:
        raise InvalidSpec(where, problem)


def _unsendable(text: str) -> str | None:
    """Return why no program can be given the text, None when one can."""
    if "\0" in text:
        return "holds a NUL byte"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "holds half a character (a lone surrogate)"
    return None


def _joined(base: str, workspace: object) -> str:
    if workspace is None:
        return posixpath.normpath(base)
    path = _typed(workspace, str, "workspace")
    _check_text(path, "workspace")
    if not path:
        raise InvalidSpec("workspace", "is empty", hint="Leave it out for the current directory.")
    return posixpath.normpath(posixpath.join(base, path))

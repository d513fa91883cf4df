"""Options and arguments that several commands share."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Decorator = Callable[[Decorated], Decorated]

#: The words of `model.specs.PermissionMode`, which `--help` must not wait to import.
PERMISSION_MODES: Final = (
    "default",
    "acceptEdits",
    "auto",
    "bypassPermissions",
    "manual",
    "dontAsk",
    "plan",
)

#: The words of `model.specs.Isolation`.
ISOLATIONS: Final = ("none", "copy", "worktree")


def _for_machines(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:  # noqa: FBT001 - click calls it by position
    if value:
        ctx.obj.machine = True
    return value


def json_option(help: str) -> Decorator[Any]:  # noqa: A002 - click's word
    """Return `--json`; refusals are JSON on stdout, too."""
    return click.option(
        "--json", "as_json", is_flag=True, is_eager=True, callback=_for_machines, help=help
    )


def events_option() -> Decorator[Any]:
    """Return `--events`; refusals are JSON on stdout, too."""
    return click.option(
        "--events",
        "as_events",
        is_flag=True,
        is_eager=True,
        callback=_for_machines,
        help="Print each event as it happens, one JSON object a line (bytes as base64).",
    )


def presentation_options(command: Decorated) -> Decorated:
    """Add what `presentation.Presentation` is made of."""
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="Show only the answer, and errors."),
        events_option(),
        json_option("Print one JSON object at the end."),
    ):
        command = option(command)
    return command


def execution_argument(metavar: str = "EXECUTION") -> Decorator[Any]:
    """Return the argument `of`: an execution's id or a unique prefix of one, or `EXECUTION.TASK`."""
    return click.argument("of", metavar=metavar)


def after_option() -> Decorator[Any]:
    """Return `--after`: where a reader was before."""
    return click.option(
        "--after",
        metavar="CURSOR",
        help="Show only what came after this cursor, as --cursor-file writes it.",
    )


def cursor_file_option() -> Decorator[Any]:
    """Return `--cursor-file`: where a reader notes how far it has come."""
    return click.option(
        "--cursor-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Begin after the cursor in this file, if there is one, and note there what was shown.",
    )


def limit_option(default: int) -> Decorator[Any]:
    """Return `--limit`."""
    return click.option(
        "--limit",
        type=click.IntRange(1, 1000),
        default=default,
        show_default=True,
        help="Show at most this many executions.",
    )


def _seconds_or_auto(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> float | str | None:
    if value is None or value == "auto":
        return value
    try:
        return float(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a number of seconds nor `auto`.") from None


def _argvs(
    _ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]
) -> tuple[tuple[str, ...], ...]:
    try:
        return tuple(tuple(shlex.split(line)) for line in value)
    except ValueError as error:
        raise click.BadParameter(f"{error}, as a shell would say.") from None


def task_options(command: Decorated) -> Decorated:
    """Add the arguments and options that say what is to be done; see `request.Asked`."""
    for option in reversed(_TASK_OPTIONS):
        command = option(command)
    return command


_TASK_OPTIONS: Final[tuple[Decorator[Any], ...]] = (
    click.argument("words", metavar="[PROMPT | -]", nargs=-1),
    click.option(
        "-f",
        "--file",
        "file",
        type=click.Path(path_type=Path),
        help="Run a task list: .yaml, .toml, .json or .md. Options below stand for its tasks,"
        " except where a task says otherwise itself.",
    ),
    click.option(
        "--command",
        "is_command",
        is_flag=True,
        help="Run a plain program instead of an agent; its words follow after `--`.",
    ),
    click.option(
        "-w", "--workspace", metavar="DIR", help="Directory to work in.  [default: the current one]"
    ),
    click.option("--agent", metavar="NAME", help="Which agent works.  [default: claude]"),
    click.option("--model", metavar="NAME", help="Model, in the agent's own words."),
    click.option(
        "--kind",
        metavar="WORD",
        help="What sort of task it is, in your own word; forecasts learn from its equals.",
    ),
    click.option(
        "--timeout",
        callback=_seconds_or_auto,
        metavar="SECONDS|auto",
        help="Longest time for one attempt.  [default: auto: forecast from history]",
    ),
    click.option(
        "--permission-mode",
        type=click.Choice(PERMISSION_MODES),
        help="What the agent may do without asking, in Claude Code's words.",
    ),
    click.option(
        "--allow-tool",
        "allowed_tools",
        metavar="TOOL",
        multiple=True,
        help="Tool, or pattern like `Bash(git *)`, that needs no permission. May be repeated.",
    ),
    click.option(
        "--deny-tool",
        "disallowed_tools",
        metavar="TOOL",
        multiple=True,
        help="Tool that is taken away. May be repeated.",
    ),
    click.option("--max-turns", type=click.IntRange(min=1), help="Most turns of the model."),
    click.option(
        "--retries",
        type=click.IntRange(min=0),
        help="How often a failed attempt is repeated, where that can help.  [default: 0]",
    ),
    click.option(
        "--schema",
        type=click.Path(path_type=Path),
        help="File with a JSON schema that the answer must fit.",
    ),
    click.option(
        "--expect",
        "expected",
        metavar="FILE",
        multiple=True,
        help="File that must be in the workspace afterwards. May be repeated.",
    ),
    click.option(
        "--check",
        "checks",
        callback=_argvs,
        metavar="COMMAND",
        multiple=True,
        help="Program that must succeed afterwards, in the workspace; its words as in a shell,"
        " but no shell runs it. May be repeated.",
    ),
    click.option(
        "--validate",
        "validation_prompt",
        metavar="PROMPT",
        help="What a fresh agent, who may only read, is asked about the work.",
    ),
    click.option(
        "--repairs",
        type=click.IntRange(min=0),
        help="How often a refuted result is given back to the agent's session.  [default: 0]",
    ),
    click.option(
        "--isolation",
        type=click.Choice(ISOLATIONS),
        help="Work in the workspace itself, in a copy of it, or in a git worktree.  [default: none]",
    ),
    click.option(
        "--budget",
        metavar="KIND=AMOUNT",
        multiple=True,
        help="What all tasks may spend together: `usd=2.50`, `tokens=400000`, `turns=50` or"
        " `minutes=60`. May be repeated.",
    ),
    click.option(
        "--continue-on-failure",
        is_flag=True,
        help="After a failure, go on with the tasks that do not need the failed one.",
    ),
    click.option(
        "--parallel",
        is_flag=True,
        help="Tasks without `needs` run side by side instead of one after the other.",
    ),
    click.option("--id", "execution_id", metavar="ID", help="Your choice of the execution's id."),
)

"""`cc-executor history`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command, DefaultingGroup
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import json_option, limit_option

if TYPE_CHECKING:
    from cc_executor.cli.executing import Executing
    from cc_executor.model.results import ExecutionResult


@click.group("history", cls=DefaultingGroup, default="list")
def command() -> None:
    """Look back: `list` (the default) or `export`."""


@command.command("list", cls=Command)
@limit_option(20)
@json_option("Print a JSON array of executions.")
@click.pass_obj
def list_(invocation: Invocation, *, limit: int, as_json: bool) -> Exit:
    """List executions that have ended, newest first."""
    from cc_executor.cli.reading import look_up
    from cc_executor.cli.render.data import write_json, write_lines
    from cc_executor.cli.render.tables import executions_table

    def show(ended: Sequence[ExecutionResult]) -> None:
        if as_json:
            write_json([one.to_json() for one in ended])
        else:
            write_lines(executions_table(ended))

    async def find(executor: Executing) -> Sequence[ExecutionResult]:
        return await executor.history(limit=limit)

    return look_up(invocation, find, show)


@command.command("export", cls=Command)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["json", "csv"]),
    default="json",
    show_default=True,
    help="An array of objects, or a table with a line of headings.",
)
@limit_option(100)
@click.pass_obj
def export(invocation: Invocation, *, format_: Literal["json", "csv"], limit: int) -> Exit:
    """Print the tasks of executions that have ended, one row a task, for other programs."""
    from cc_executor.cli.reading import look_up
    from cc_executor.cli.render.data import write_text
    from cc_executor.client.history import as_text

    def show(ended: Sequence[ExecutionResult]) -> None:
        text = as_text(ended, format_)
        write_text(text if text.endswith("\n") else f"{text}\n")

    async def find(executor: Executing) -> Sequence[ExecutionResult]:
        return await executor.history(limit=limit)

    return look_up(invocation, find, show)

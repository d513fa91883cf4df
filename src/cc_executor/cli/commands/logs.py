"""`cc-executor logs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import (
    after_option,
    cursor_file_option,
    events_option,
    execution_argument,
)

if TYPE_CHECKING:
    from cc_executor.cli.render.view import View
    from cc_executor.model.records import TaskRecord
    from cc_executor.model.results import ExecutionResult


@click.command("logs", cls=Command)
@execution_argument("EXECUTION[.TASK]")
@click.option("-f", "--follow", is_flag=True, help="Wait for what is to come, until the end.")
@events_option()
@after_option()
@cursor_file_option()
@click.pass_obj
def command(
    invocation: Invocation,
    of: str,
    *,
    follow: bool,
    as_events: bool,
    after: str | None,
    cursor_file: Path | None,
) -> Exit:
    """Print what the agents and programs wrote, byte for byte.

    Their stdout goes to stdout, their stderr to stderr. With --cursor-file, a call prints
    what came since the last one:

    \b
      cc-executor logs EXECUTION --cursor-file place.json >> output
    """  # noqa: D301 - click wants the character \b, not the two
    from cc_executor.cli.cursors import place
    from cc_executor.cli.render.machine import EventLines, RawOutput
    from cc_executor.cli.watching import watch

    kind = EventLines if as_events else RawOutput

    def choose(_: ExecutionResult, task: TaskRecord | None) -> View:
        return kind(only=task.id if task is not None else None)

    begin = place(after, cursor_file, with_agent_events=as_events)
    return watch(invocation, of, choose, begin, until_end=follow)

"""`cc-executor attach`."""

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
    execution_argument,
    presentation_options,
)
from cc_executor.cli.presentation import Presentation

if TYPE_CHECKING:
    from cc_executor.model.results import ExecutionResult


@click.command("attach", cls=Command)
@execution_argument()
@after_option()
@cursor_file_option()
@presentation_options
@click.pass_obj
def command(
    invocation: Invocation,
    of: str,
    *,
    after: str | None,
    cursor_file: Path | None,
    as_json: bool,
    as_events: bool,
    quiet: bool,
) -> Exit:
    """Watch an execution that runs elsewhere, and end as it ends.

    It is shown as `run` would show it, from its beginning or after a cursor. Ctrl-C stops
    watching; the execution goes on.
    """
    from cc_executor.cli.cursors import place
    from cc_executor.cli.exits import of_execution
    from cc_executor.cli.watching import watch

    presentation = Presentation(as_json, as_events, quiet).checked()
    begin = place(after, cursor_file, with_agent_events=True)
    from_start = begin.cursor == type(begin.cursor)()

    def at_end(execution: ExecutionResult) -> Exit:
        presentation.conclude(execution)
        return of_execution(execution)

    return watch(
        invocation,
        of,
        lambda execution, _: presentation.view(execution, from_start=from_start),
        begin,
        at_end=at_end,
    )

"""`cc-executor ps`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import json_option, limit_option

if TYPE_CHECKING:
    from cc_executor.cli.executing import Executing


@click.command("ps", cls=Command)
@click.option("-a", "--all", "ended", is_flag=True, help="Show those that have ended, too.")
@limit_option(100)
@json_option("Print a JSON array of executions.")
@click.pass_obj
def command(invocation: Invocation, *, ended: bool, limit: int, as_json: bool) -> Exit:
    """List what is running, whoever started it; newest first.

    Each with what it does now, how long that has run and takes by its forecast, the turns and
    cost so far, and what waits for what. With --json, what has not ended has its `progress`.
    """
    from cc_executor.cli.reading import look_up
    from cc_executor.cli.render.data import write_json, write_lines
    from cc_executor.cli.render.tables import Standing, executions_table
    from cc_executor.model.lifecycle import TaskState, is_final

    async def find(executor: Executing) -> list[Standing]:
        states = None if ended else [state for state in TaskState if not is_final(state)]
        found = []
        for one in await executor.list(states=states, limit=limit):
            execution = await executor.get(one.id)
            progress = () if execution.is_final else await executor.progress(one.id)
            found.append(Standing(execution, progress))
        return found

    def show(found: list[Standing]) -> None:
        if as_json:
            write_json([one.to_json() for one in found])
        else:
            write_lines(executions_table(found))

    return look_up(invocation, find, show)

"""`cc-executor show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import execution_argument, json_option

if TYPE_CHECKING:
    from cc_executor.cli.executing import Executing
    from cc_executor.model.results import ExecutionResult


@click.command("show", cls=Command)
@execution_argument("EXECUTION[.TASK]")
@json_option("Print the JSON object that `run --json` prints.")
@click.pass_obj
def command(invocation: Invocation, of: str, *, as_json: bool) -> Exit:
    """Show how an execution, or one task of it, stands.

    TASK is a task's number or name; of an execution's id, a unique beginning is enough.
    """
    from cc_executor.cli.reading import look_up
    from cc_executor.cli.render.data import task_object, write_json, write_lines
    from cc_executor.cli.render.details import execution_details, task_details

    async def find(executor: Executing) -> tuple[ExecutionResult, str | None]:
        execution_id, task = await executor.find_task(of)
        return await executor.get(execution_id), task.id if task is not None else None

    def show(found: tuple[ExecutionResult, str | None]) -> None:
        execution, task_id = found
        if as_json:
            whole = execution.to_json()
            write_json(whole if task_id is None else task_object(whole, task_id))
        elif task_id is None:
            write_lines(execution_details(execution))
        else:
            write_lines(task_details(execution, task_id))

    return look_up(invocation, find, show)

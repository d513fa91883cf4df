"""`cc-executor forecast`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import json_option, task_options
from cc_executor.cli.request import Asked

if TYPE_CHECKING:
    from cc_executor.cli.executing import Executing
    from cc_executor.model.outlooks import Outlook


@click.command("forecast", cls=Command)
@task_options
@json_option("Print one JSON object.")
@click.pass_obj
def command(invocation: Invocation, /, *, as_json: bool, **asked: Any) -> Exit:
    """Say how long a task list may take, and what it may cost.

    Nothing is started. Give a prompt or a task file, as for `run`. Instead of a prompt, the id of an execution (or a unique beginning of it) asks for what that
    one has left.
    """
    from cc_executor.cli.foreseeing import foresee
    from cc_executor.cli.reading import look_up
    from cc_executor.cli.render.data import write_json, write_lines
    from cc_executor.cli.render.outlook import outlook_lines

    wanted = foresee(Asked(**asked))

    async def find(executor: Executing) -> Outlook:
        return await wanted(executor)

    def show(outlook: Outlook) -> None:
        if as_json:
            write_json(outlook.to_json())
        else:
            write_lines(outlook_lines(outlook))

    return look_up(invocation, find, show)

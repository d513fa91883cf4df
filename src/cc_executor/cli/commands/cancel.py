"""`cc-executor cancel`."""

from __future__ import annotations

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import execution_argument, json_option


@click.command("cancel", cls=Command)
@execution_argument("EXECUTION[.TASK]")
@click.option("--now", is_flag=True, help="Kill at once instead of asking the agent to end first.")
@json_option("Print the execution as a JSON object.")
@click.pass_obj
def command(invocation: Invocation, of: str, *, now: bool, as_json: bool) -> Exit:
    """End an execution, or one task of it, wherever it runs.

    Returns when no process of it is left.
    """
    from cc_executor.cli.controlling import control
    from cc_executor.model.lifecycle import TaskState

    return control(
        invocation,
        of,
        lambda executor: executor.cancel(of, now=now),
        wanted=TaskState.CANCELLED,
        as_json=as_json,
    )

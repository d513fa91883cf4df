"""`cc-executor resume`."""

from __future__ import annotations

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import execution_argument, json_option


@click.command("resume", cls=Command)
@execution_argument("EXECUTION[.TASK]")
@json_option("Print the execution as a JSON object.")
@click.pass_obj
def command(invocation: Invocation, of: str, *, as_json: bool) -> Exit:
    """Let a paused execution, or one task of it, go on."""
    from cc_executor.cli.controlling import control
    from cc_executor.model.lifecycle import TaskState

    return control(
        invocation,
        of,
        lambda executor: executor.resume(of),
        wanted=TaskState.RUNNING,
        as_json=as_json,
    )

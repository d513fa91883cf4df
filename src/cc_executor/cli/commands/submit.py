"""`cc-executor submit`."""

from __future__ import annotations

from typing import Any

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import json_option, task_options
from cc_executor.cli.request import Asked, submission


@click.command("submit", cls=Command)
@task_options
@json_option("Print the execution as a JSON object instead of its id.")
@click.pass_obj
def command(invocation: Invocation, /, *, as_json: bool, **asked: Any) -> Exit:
    """Hand over a prompt or a task list and return at once.

    Prints the execution's id. The work goes on without this terminal; any other one can
    follow it with `attach`, and control it. A running server of the state directory does it;
    where there is none, an engine of its own.
    """
    from cc_executor.cli.handing_over import hand_over

    wanted = submission(Asked(**asked))
    return hand_over(
        invocation.executor_to_outlive(),
        lambda executor: wanted.to(executor, detached=True),
        as_json=as_json,
    )

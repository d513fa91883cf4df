"""`cc-executor continue`."""

from __future__ import annotations

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import execution_argument, presentation_options
from cc_executor.cli.presentation import Presentation


@click.command("continue", cls=Command)
@execution_argument()
@click.option("--detach", is_flag=True, help="Hand it over and print its id, as `submit` does.")
@presentation_options
@click.pass_obj
def command(
    invocation: Invocation, of: str, *, detach: bool, as_json: bool, as_events: bool, quiet: bool
) -> Exit:
    """Run what an ended execution has left undone.

    A new execution takes over the results of the tasks that have succeeded and runs the
    others. It is shown, and ends, as `run` does.
    """
    presentation = Presentation(as_json, as_events, quiet).checked()
    if detach:
        from cc_executor.cli.handing_over import hand_over

        if as_events:
            raise click.UsageError("--detach and --events exclude each other.")
        return hand_over(
            invocation.executor_to_outlive(),
            lambda executor: executor.continue_(of, detached=True),
            as_json=as_json,
        )
    from cc_executor.cli.here import run_here

    return run_here(invocation.executor(), lambda executor: executor.continue_(of), presentation)

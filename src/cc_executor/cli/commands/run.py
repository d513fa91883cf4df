"""`cc-executor run`."""

from __future__ import annotations

from typing import Any

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import presentation_options, task_options
from cc_executor.cli.presentation import Presentation
from cc_executor.cli.request import Asked, submission


@click.command("run", cls=Command)
@task_options
@presentation_options
@click.pass_obj
def command(
    invocation: Invocation, /, *, as_json: bool, as_events: bool, quiet: bool, **asked: Any
) -> Exit:
    """Run a prompt or a task list and wait for its end.

    \b
      cc-executor run "Add a /health endpoint and a test for it"
      cc-executor run - < prompt.txt
      cc-executor run -f tasks.yaml --continue-on-failure
      cc-executor run --command -- wc -l app.py

    The answer to a single prompt goes to stdout, as does the output of a single program;
    everything else goes to stderr. Ctrl-C once cancels properly, twice kills. When this
    process dies, its agents are stopped: to outlive it, use `submit`. With --server it is the
    server that runs it, and goes on.
    """  # noqa: D301 - click wants the character \b, not the two
    from cc_executor.cli.here import run_here

    presentation = Presentation(as_json, as_events, quiet).checked()
    return run_here(invocation.executor(), submission(Asked(**asked)).to, presentation)

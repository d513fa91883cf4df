"""`cc-executor demo`."""

from __future__ import annotations

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import json_option


@click.command("demo", cls=Command)
@click.option(
    "--keep/--remove", default=True, help="Leave or remove what was made.  [default: keep]"
)
@json_option("Print one JSON object at the end.")
@click.pass_obj
def command(invocation: Invocation, *, as_json: bool, keep: bool) -> Exit:
    """See the real Claude Code CLI work through a list; no login.

    Three tasks, each with a fresh process and context: write a small program, write its
    tests and make them pass, try it and describe it. The model is a script on this machine;
    the CLI, its tools, the files and the tests are real.
    """
    from cc_executor.cli.demo import play

    return play(invocation.settings(), as_json=as_json, keep=keep)

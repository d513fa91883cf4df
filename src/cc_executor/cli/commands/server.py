"""`cc-executor server`."""

from __future__ import annotations

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import json_option
from cc_executor.cli.setting_flags import server_options


@click.group("server")
def command() -> None:
    """Serve this machine's executions to other programs.

    One port for WebSocket and HTTP. What runs outlives the server: the next one takes it up.
    """


class ServerCommand(Command):
    """A command whose help shows the settings of the server, too."""

    def __init__(self, *arguments: object, **keywords: object) -> None:
        super().__init__(*arguments, **keywords)
        shown = server_options()
        names = {option.name for option in shown}
        self.params = [*(one for one in self.params if one.name not in names), *shown]


@command.command("start", cls=ServerCommand)
@click.option(
    "--foreground", is_flag=True, help="Stay, and log to stderr; end with SIGTERM or Ctrl-C."
)
@json_option("Print a JSON object.")
@click.pass_obj
def start(invocation: Invocation, *, foreground: bool, as_json: bool) -> Exit:
    """Start the server, and return when it is ready.

    In the background it logs to `server.log` in the state directory.
    """
    from cc_executor.cli import serving

    serving.refuse_a_server_elsewhere(invocation)
    if foreground:
        return serving.stay(invocation, as_json=as_json)
    return serving.start(invocation, as_json=as_json)


@command.command("stop", cls=Command)
@click.option("--now", is_flag=True, help="Do not wait for what it would wait for.")
@json_option("Print a JSON object.")
@click.pass_obj
def stop(invocation: Invocation, *, now: bool, as_json: bool) -> Exit:
    """Stop the server, and return when it is gone.

    What runs lives on for the orphan grace, and the next server takes it up; with
    `--drain wait` the server waits for it first.
    """
    from cc_executor.cli import serving

    serving.refuse_a_server_elsewhere(invocation)
    return serving.stop(invocation, now=now, as_json=as_json)


@command.command("restart", cls=ServerCommand)
@json_option("Print a JSON object.")
@click.pass_obj
def restart(invocation: Invocation, *, as_json: bool) -> Exit:
    """Stop the server if there is one, and start it again.

    It gets the flags that it was started with, and those given now. What runs goes on
    meanwhile.
    """
    from cc_executor.cli import serving

    serving.refuse_a_server_elsewhere(invocation)
    return serving.restart(invocation, as_json=as_json)


@command.command("status", cls=Command)
@json_option("Print a JSON object.")
@click.pass_obj
def status(invocation: Invocation, *, as_json: bool) -> Exit:
    """Say whether the server is running, and where. Exits with 0 if it is, else with 3."""
    from cc_executor.cli import serving

    serving.refuse_a_server_elsewhere(invocation)
    return serving.status(invocation, as_json=as_json)

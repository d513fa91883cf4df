"""`cc-executor token`."""

from __future__ import annotations

from typing import Final

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import json_option

#: The words of `model.principals.Scope`, which `--help` must not wait to import.
SCOPES: Final = ("read", "run", "control", "admin")


@click.group("token")
def command() -> None:
    """Say who may talk to the server of this machine.

    A running server notices a change within a second.
    """


@command.command("show", cls=Command)
@json_option("Print a JSON object.")
@click.pass_obj
def show(invocation: Invocation, *, as_json: bool) -> Exit:
    """Print your own token, which may do everything; it is made when there is none."""
    from cc_executor.cli import tokens

    return tokens.show(invocation, as_json=as_json)


@command.command("create", cls=Command)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    required=True,
    help="What it allows: read and follow its own executions, run, control (pause, resume,"
    " cancel), or admin: everything, everybody's. May be repeated.",
)
@click.option(
    "--expires-in",
    "days",
    type=click.FloatRange(min=0, min_open=True),
    metavar="DAYS",
    help="For how long.  [default: until it is revoked]",
)
@json_option("Print a JSON object.")
@click.pass_obj
def create(
    invocation: Invocation, name: str, *, scopes: tuple[str, ...], days: float | None, as_json: bool
) -> Exit:
    """Make a token for somebody else, or for a program, and print it: it is not kept.

    NAME says whose it is. Executions belong to the name: who has another one does not see
    them.
    """
    from cc_executor.cli import tokens

    return tokens.create(invocation, name, scopes, days=days, as_json=as_json)


@command.command("list", cls=Command)
@json_option("Print a JSON array.")
@click.pass_obj
def list_(invocation: Invocation, *, as_json: bool) -> Exit:
    """List the tokens that were made, without the tokens themselves."""
    from cc_executor.cli import tokens

    return tokens.list_all(invocation, as_json=as_json)


@command.command("revoke", cls=Command)
@click.argument("token_id", metavar="ID")
@json_option("Print a JSON object.")
@click.pass_obj
def revoke(invocation: Invocation, token_id: str, *, as_json: bool) -> Exit:
    """Take a token back; connections that came with it end."""
    from cc_executor.cli import tokens

    return tokens.revoke(invocation, token_id, as_json=as_json)


@command.command("rotate", cls=Command)
@json_option("Print a JSON object.")
@click.pass_obj
def rotate(invocation: Invocation, *, as_json: bool) -> Exit:
    """Put a new token in the place of your own and print it; the old one means nothing more."""
    from cc_executor.cli import tokens

    return tokens.rotate(invocation, as_json=as_json)

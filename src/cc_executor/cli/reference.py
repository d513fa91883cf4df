"""The help of every command, as the documentation shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from cc_executor.cli.invocation import Invocation
from cc_executor.cli.main import PROGRAM, cli

#: What click fills of a terminal with 80 columns.
_WIDTH: Final = 78


def help_texts() -> Iterator[tuple[str, str]]:
    """Yield each command, as it is typed, and what its `--help` prints on 80 columns."""
    yield from _below(cli, None, PROGRAM)


def _below(
    command: click.Command, parent: click.Context | None, name: str
) -> Iterator[tuple[str, str]]:
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        obj=Invocation(),
        terminal_width=_WIDTH,
        **command.context_settings,
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name_below in command.list_commands(context):
            below = command.get_command(context, name_below)
            if below is not None:
                yield from _below(below, context, name_below)

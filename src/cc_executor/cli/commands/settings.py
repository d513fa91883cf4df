"""`cc-executor settings`."""

from __future__ import annotations

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import json_option


@click.command("settings", cls=Command)
@json_option("Print a JSON array of settings.")
@click.pass_obj
def command(invocation: Invocation, *, as_json: bool) -> Exit:
    """Show each setting: its value, unit and origin.

    Later ones win: defaults, `~/.config/cc-executor/config.toml`, `./cc-executor.toml`,
    environment variables, flags.
    """
    from cc_executor.cli.render.data import write_json, write_lines
    from cc_executor.cli.render.settings_table import as_objects, settings_table

    rows = invocation.settings().describe()
    if as_json:
        write_json(as_objects(rows))
    else:
        write_lines(settings_table(rows))
    return Exit.DONE

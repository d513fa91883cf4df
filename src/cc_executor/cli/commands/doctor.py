"""`cc-executor doctor`."""

from __future__ import annotations

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command


@click.command("doctor", cls=Command)
def command() -> Exit:
    """Say what this machine can do, and what to do about what it cannot."""
    return Exit.DONE

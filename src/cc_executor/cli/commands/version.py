"""`cc-executor version`."""

from __future__ import annotations

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.options import json_option


@click.command("version", cls=Command)
@json_option("Print a JSON object.")
def command(*, as_json: bool) -> Exit:
    """Print the version of cc-executor, and of what it runs on."""
    import platform

    import apsw

    from cc_executor import __version__
    from cc_executor.cli.render.data import write_json, write_text

    versions = {
        "cc_executor": __version__,
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
        "platform": platform.platform(),
    }
    if as_json:
        write_json(versions)
    else:
        write_text("".join(f"{name:12} {version}\n" for name, version in versions.items()))
    return Exit.DONE

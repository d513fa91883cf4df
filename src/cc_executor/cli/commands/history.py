"""`cc-executor history`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command, DefaultingGroup
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import json_option, limit_option

if TYPE_CHECKING:
    from cc_executor.cli.executing import Executing
    from cc_executor.model.results import ExecutionResult


@click.group("history", cls=DefaultingGroup, default="list")
def command() -> None:
    """Look back: `list` (the default) or `export`."""


@command.command("list", cls=Command)
@limit_option(20)
@json_option("Print a JSON array of executions.")
@click.pass_obj
def list_(invocation: Invocation, *, limit: int, as_json: bool) -> Exit:
    """List executions that have ended, newest first."""
    from cc_executor.cli.reading import look_up
    from cc_executor.cli.render.data import write_json, write_lines
    from cc_executor.cli.render.tables import Standing, executions_table

    def show(ended: Sequence[ExecutionResult]) -> None:
        if as_json:
            write_json([one.to_json() for one in ended])
        else:
            write_lines(executions_table([Standing(one) for one in ended]))

    async def find(executor: Executing) -> Sequence[ExecutionResult]:
        return await executor.history(limit=limit)

    return look_up(invocation, find, show)


@command.command("export", cls=Command)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["json", "csv"]),
    default="json",
    show_default=True,
    help="An array of objects, or a table with a line of headings.",
)
@limit_option(100)
@click.option(
    "--bundle",
    metavar="EXECUTION",
    help="Write all evidence of one execution into a bundle instead; `verify` reads it.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The bundle: a tar file where it ends in .tar, else a folder.  [default: ID.tar]",
)
@click.option(
    "--sign",
    "sign_with",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="KEY",
    help="Sign the bundle with this SSH key.",
)
@click.pass_obj
def export(
    invocation: Invocation,
    *,
    format_: Literal["json", "csv"],
    limit: int,
    bundle: str | None,
    output: Path | None,
    sign_with: Path | None,
) -> Exit:
    """Print the tasks of executions that have ended, one row a task, for other programs.

    With --bundle, write everything that is kept of one execution into a file of its own: what was
    asked, every event, the whole output of every child, every outcome and finding, with digests
    over all of it. Values of environment variables are left out.
    """
    if bundle is not None:
        return _export_bundle(invocation, bundle, output, sign_with)
    if output is not None or sign_with is not None:
        raise click.UsageError("--output and --sign belong to --bundle EXECUTION.")
    from cc_executor.cli.reading import look_up
    from cc_executor.cli.render.data import write_text
    from cc_executor.client.history import as_text

    def show(ended: Sequence[ExecutionResult]) -> None:
        text = as_text(ended, format_)
        write_text(text if text.endswith("\n") else f"{text}\n")

    async def find(executor: Executing) -> Sequence[ExecutionResult]:
        return await executor.history(limit=limit)

    return look_up(invocation, find, show)


def _export_bundle(
    invocation: Invocation, of: str, output: Path | None, sign_with: Path | None
) -> Exit:
    """Write a bundle, and print its path and its root digest."""
    from cc_executor.cli.executing import examining
    from cc_executor.cli.reading import look_up
    from cc_executor.cli.render.data import write_text

    async def find(executor: Executing) -> tuple[Path, str]:
        execution_id = (await executor.get(of)).id
        path = output or Path(f"{execution_id}.tar")
        examiner = examining(executor, execution_id)
        return path, await examiner.export_bundle(execution_id, path, sign_with=sign_with)

    def show(written: tuple[Path, str]) -> None:
        path, root = written
        write_text(f"{root}  {path}\n")

    return look_up(invocation, find, show)

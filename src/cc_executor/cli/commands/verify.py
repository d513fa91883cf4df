"""`cc-executor verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import json_option

if TYPE_CHECKING:
    from cc_executor.cli.executing import Executing
    from cc_executor.model.bundles import Evidence
    from cc_executor.model.proofs import Examination


@click.command("verify", cls=Command)
@click.argument("what", metavar="EXECUTION | BUNDLE")
@click.option(
    "--report",
    "report_",
    type=click.Choice(["markdown", "json"]),
    help="Print a report on the whole execution instead: what was asked, executed, claimed, found.",
)
@click.option(
    "--workspace",
    type=click.Path(path_type=Path, file_okay=False),
    help="Of a bundle: compare its files with those in this directory, too.",
)
@click.option(
    "--signers",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Of a bundle: it must be signed by one of these (an allowed_signers file of OpenSSH).",
)
@json_option("Print one JSON object.")
@click.pass_obj
def command(
    invocation: Invocation,
    what: str,
    *,
    report_: Literal["markdown", "json"] | None,
    workspace: Path | None,
    signers: Path | None,
    as_json: bool,
) -> Exit:
    """Look again at all evidence of an execution: what of it holds.

    \b
      cc-executor verify 01k9z3
      cc-executor verify ./01k9z3.tar --signers team.keys

    Nothing is run again. Of an execution, the output of every child is read to its end, records
    are compared with it and with each other, and files with what they held. A bundle (a path: it
    holds a `/` or ends in `.tar`) is verified by itself, without the state directory.

    Ends with 0 only when every task was checked when it ended and nothing speaks against it now.
    """  # noqa: D301 - click wants the character \b, not the two
    from cc_executor.cli.executing import examining
    from cc_executor.cli.reading import look_up

    codes: list[Exit] = []

    def show(found: tuple[Evidence, Examination]) -> None:
        codes.append(_show(found, report_, as_json=as_json))

    if "/" in what or what.endswith(".tar"):
        from cc_executor.evidence.verify import examine_bundle

        show(examine_bundle(what, workspace=workspace, signers=signers))
        return codes[0]
    if workspace is not None or signers is not None:
        raise click.UsageError("--workspace and --signers are for bundles; this is an execution.")

    async def find(executor: Executing) -> tuple[Evidence, Examination]:
        examiner = examining(executor, what)
        return await examiner.evidence(what), await examiner.verify(what)

    look_up(invocation, find, show)
    return codes[0]


def _show(
    found: tuple[Evidence, Examination],
    report: Literal["markdown", "json"] | None,
    *,
    as_json: bool,
) -> Exit:
    from cc_executor.cli.render.data import write_json, write_lines, write_text
    from cc_executor.cli.render.examination import examination_lines
    from cc_executor.client import evidence as client

    evidence, examination = found
    if report is not None:
        write_text(client.report(evidence, examination, report))
    elif as_json:
        write_json(examination.to_json())
    else:
        write_lines(examination_lines(examination))
    return Exit.DONE if examination.verified else Exit.FAILED

"""`cc-executor doctor`."""

from __future__ import annotations

import click

from cc_executor.cli.exits import Exit
from cc_executor.cli.group import Command
from cc_executor.cli.invocation import Invocation
from cc_executor.cli.options import json_option


@click.command("doctor", cls=Command)
@json_option("Print a JSON object.")
@click.pass_obj
def command(invocation: Invocation, *, as_json: bool) -> Exit:
    """Say what this machine can do, and how to close each gap.

    Looks for the agents' programs, versions and logins, at the state directory, and for
    control groups and a sandbox. Exits with 0 when an agent can run, else with 1.
    """
    from cc_executor.cli.checkup.agents import look_at_agents
    from cc_executor.cli.checkup.machine import look_at_machine
    from cc_executor.cli.checkup.state import look_at_state
    from cc_executor.cli.checkup.verdict import is_usable
    from cc_executor.cli.render.checkup import findings_lines
    from cc_executor.cli.render.data import write_json, write_lines

    settings = invocation.settings()
    findings = [
        *look_at_machine(),
        *look_at_state(invocation, settings),
        *look_at_agents(settings),
    ]
    usable = is_usable(findings)
    if as_json:
        write_json({"usable": usable, "findings": [finding.to_json() for finding in findings]})
    else:
        write_lines(findings_lines(findings, usable=usable))
    return Exit.DONE if usable else Exit.FAILED

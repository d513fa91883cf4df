"""What it all comes to."""

from __future__ import annotations

from collections.abc import Sequence

from cc_executor.cli.checkup.findings import Finding, Level

_AGENT = "agent "


def is_usable(findings: Sequence[Finding]) -> bool:
    """Tell whether an agent can run: nothing of the machine is broken, nor of at least one."""
    broken = {finding.subject for finding in findings if finding.level is Level.BROKEN}
    agents = {finding.subject for finding in findings if finding.subject.startswith(_AGENT)}
    others = broken - agents
    return not others and bool(agents - broken)

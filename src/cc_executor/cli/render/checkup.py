"""What `doctor` found, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from rich.text import Text

from cc_executor.cli.checkup.findings import Finding, Level
from cc_executor.cli.render.wording import harmless

_STYLES: Final[Mapping[Level, str]] = {
    Level.OK: "green",
    Level.NOTE: "dim",
    Level.GAP: "yellow",
    Level.BROKEN: "red",
}


def findings_lines(findings: Iterable[Finding], *, usable: bool) -> list[Text]:
    """Return the findings below their subjects, each gap with what to do, and the verdict."""
    lines: list[Text] = []
    subject = None
    for finding in findings:
        if finding.subject != subject:
            subject = finding.subject
            lines.append(Text(subject, "bold"))
        level = (f"{finding.level:8}", _STYLES[finding.level])
        lines.append(Text.assemble("  ", level, f"{finding.name:12}", harmless(finding.found)))
        if finding.advice:
            lines.append(Text(f"{'':10}{'':12}-> {finding.advice}"))
    verdict = ("ready", "green") if usable else ("no agent can run yet", "red")
    lines.append(Text.assemble(verdict))
    return lines

"""What checking has found, one line a file, expectation, check or judgement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from cc_executor.cli.render.wording import duration, one_line
from cc_executor.model.evidence import REFUTING, FileFinding
from cc_executor.model.outcomes import Verified

#: In a summary, of one task.
_MOST_REFUTED: Final = 5


class Line(NamedTuple):
    """One finding in words.

    Attributes:
        kind: `file`, `expected`, `check` or `judge`.
        holds: Whether nothing speaks against it.
    """

    kind: str
    holds: bool
    text: str


def finding_lines(verified: Verified) -> Iterator[Line]:
    """Yield everything that was looked at, in the order in which it was."""
    for file in verified.files:
        yield Line("file", file.verdict not in REFUTING, _file(file))
    for line in verified.expectations:
        what = f"{line.kind} {one_line(line.path)}"
        yield Line("expected", line.ok, f"{what}: {_judged(line.reason, ok=line.ok)}")
    for check in verified.checks:
        what = one_line(" ".join(check.argv))
        took = f", {duration(check.duration_s)}" if check.duration_s is not None else ""
        yield Line("check", check.ok, f"{what}: {_judged(check.reason, ok=check.ok)}{took}")
    if verified.judgement is not None:
        ok = verified.judgement.ok
        said = one_line(verified.judgement.reason)
        yield Line("judge", ok, f"{'pass' if ok else 'fail'}: {said}")


def refuted_lines(verified: Verified) -> list[str]:
    """Return what does not hold, at most a handful, and how many more there are."""
    refuted = [f"{line.kind} {line.text}" for line in finding_lines(verified) if not line.holds]
    shown = refuted[:_MOST_REFUTED]
    if len(refuted) > len(shown):
        shown.append(f"... and {len(refuted) - len(shown)} more")
    return shown


def _file(file: FileFinding) -> str:
    claimed = f" (claimed {file.claimed})" if file.claimed else ""
    reason = f", {one_line(file.reason)}" if file.reason else ""
    return f"{one_line(file.path)}{claimed}: {file.verdict.replace('_', ' ')}{reason}"


def _judged(reason: str | None, *, ok: bool) -> str:
    return "ok" if ok else one_line(reason or "does not hold")

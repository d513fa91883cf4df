"""What checking has found is shown: all of it by `show`, what does not hold by the summary."""

from __future__ import annotations

from cc_executor.cli.render.details import task_details
from cc_executor.cli.render.findings import finding_lines, refuted_lines
from cc_executor.cli.render.summary import summary
from cc_executor.model.evidence import (
    CheckFinding,
    ExpectationFinding,
    FileFinding,
    FileVerdict,
    Judgement,
)
from cc_executor.model.outcomes import Verified
from cc_executor.model.verdicts import with_findings
from tests.cli.fakes import ID, execution, outcome, task

VERIFIED = Verified(
    files=(
        FileFinding(path="a.py", verdict=FileVerdict.OK, claimed="created"),
        FileFinding(
            path="b.py",
            verdict=FileVerdict.NOT_REGULAR,
            claimed="modified",
            reason="it is a FIFO",
        ),
        FileFinding(path="c.py", verdict=FileVerdict.UNCLAIMED),
    ),
    expectations=(
        ExpectationFinding(kind="files", path="a.py", ok=True),
        ExpectationFinding(kind="absent", path="d.py", ok=False, reason="it is there"),
    ),
    checks=(CheckFinding(argv=("make", "test"), ok=False, duration_s=1.0, reason="exit status 2"),),
    judgement=Judgement(ok=False, reason="It says\x1b[2J nothing."),
)


def test_each_finding_is_a_line_with_its_reason() -> None:
    assert [(line.kind, line.holds, line.text) for line in finding_lines(VERIFIED)] == [
        ("file", True, "a.py (claimed created): ok"),
        ("file", False, "b.py (claimed modified): not regular, it is a FIFO"),
        ("file", True, "c.py: unclaimed"),
        ("expected", True, "files a.py: ok"),
        ("expected", False, "absent d.py: it is there"),
        ("check", False, "make test: exit status 2, 1.0 s"),
        ("judge", False, "fail: It says\ufffd[2J nothing."),
    ]


def test_show_has_every_finding_and_the_summary_what_does_not_hold() -> None:
    refuted = task(1, "api", ended=with_findings(outcome(), VERIFIED))
    whole = execution(refuted)

    shown = [line.plain for line in task_details(whole, f"{ID}.1")]
    summed = [line.plain for line in summary(whole, encoding="utf-8")]

    for line in finding_lines(VERIFIED):
        assert any(line.text in one and line.kind in one for one in shown)
    assert "  api: file b.py (claimed modified): not regular, it is a FIFO" in summed
    assert not any("a.py (claimed" in one for one in summed)


def test_a_summary_names_a_handful_and_says_how_many_more() -> None:
    files = [
        FileFinding(path=f"{n}", verdict=FileVerdict.MISSING, claimed="created") for n in "1234567"
    ]

    assert refuted_lines(Verified(files=tuple(files)))[-1] == "... and 2 more"

"""What looking at evidence again has given, for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from cc_executor.cli.render.terminal import in_columns
from cc_executor.cli.render.wording import counted, one_line
from cc_executor.model.proofs import Examination, Holds, Proof, Standing

_MOST_PROOFS = 100


def examination_lines(examination: Examination) -> list[Text]:
    """Return the verdict, a line for each task, what does not hold, and what is not known."""
    lines = [_headline(examination)]
    if examination.tasks:
        lines.extend(in_columns(_row(task) for task in examination.tasks))
    lines.extend(_of_kind(examination, Holds.NO, "does not hold"))
    lines.extend(_of_kind(examination, Holds.UNKNOWN, "not known"))
    return lines


def _headline(examination: Examination) -> Text:
    word, style = ("verified", "green") if examination.verified else ("not verified", "red")
    held = sum(one.holds is Holds.YES for one in examination.proofs)
    parts = [
        "evidence intact" if examination.intact else "evidence NOT intact",
        f"{held} of {counted(len(examination.proofs), 'statement')} hold",
    ]
    if examination.signed_by is not None:
        parts.append(f"signed by {one_line(examination.signed_by)}")
    line = Text.assemble((one_line(examination.execution_id), "bold"), " ", (word, style))
    return line.append(f"  {', '.join(parts)}")


def _row(task: Standing) -> list[Text]:
    verdict = Text("verified", "green") if task.verified else Text("not verified", "red")
    return [
        Text(f"  {one_line(task.name)}"),
        Text(str(task.state)),
        verdict,
        Text(one_line(task.reason or "")),
    ]


def _of_kind(examination: Examination, kind: Holds, title: str) -> Iterator[Text]:
    proofs = [one for one in examination.proofs if one.holds is kind]
    for one in proofs[:_MOST_PROOFS]:
        yield Text(f"  {title}: {_said(one)}")
    if len(proofs) > _MOST_PROOFS:
        yield Text(f"  ... and {len(proofs) - _MOST_PROOFS} more (--json has them all)")


def _said(proof: Proof) -> str:
    reason = f": {one_line(proof.reason)}" if proof.reason else ""
    return f"{one_line(proof.what)}{reason}"

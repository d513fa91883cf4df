"""A report on an execution, from its evidence and what looking at it again has given. Pure.

What was executed, what was claimed and what was checked stand apart, as everywhere. An agent's words
are fenced: nothing in them becomes a heading, a link or an image of the report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from cc_executor.model.bundles import Evidence
from cc_executor.model.evidence import REFUTING
from cc_executor.model.outcomes import Changes, Executed, Outcome
from cc_executor.model.proofs import Examination, Holds, Standing
from cc_executor.model.records import TaskRecord
from cc_executor.model.timers import Timing

_MAX_TEXT_CHARS: Final = 20_000
_MAX_ROWS: Final = 200
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~!])")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def as_object(evidence: Evidence, examination: Examination) -> dict[str, Any]:
    """Return the report as JSON values."""
    attempts = {task.id: evidence.attempts_of(task.id) for task in evidence.tasks}
    return {
        "execution_id": evidence.execution.id,
        "title": evidence.execution.task_list.title,
        "state": str(evidence.execution.state),
        "workspace": evidence.execution.task_list.workspace,
        "created_at": evidence.execution.created_at,
        "ended_at": evidence.execution.ended_at,
        "examination": examination.to_json(),
        "tasks": [
            {
                "task_id": task.id,
                "name": task.name,
                "asked": _asked(task),
                "agent": task.spec.dialect,
                "state": str(task.state),
                "carried_from": task.carried_from,
                "outcome": _plain(task.outcome),
                "attempts": [
                    {"attempt_id": one.id, "outcome": _plain(one.outcome)}
                    for one in attempts[task.id]
                ],
            }
            for task in evidence.tasks
        ],
    }


def _plain(outcome: Outcome | None) -> object:
    return None if outcome is None else msgspec.json.decode(msgspec.json.encode(outcome))


def as_markdown(evidence: Evidence, examination: Examination) -> str:
    """Return the report as Markdown."""
    lines = [*_head(evidence, examination)]
    for task, standing in zip(evidence.tasks, examination.tasks, strict=True):
        lines += ["", *_task(task, standing)]
    lines += ["", *_proofs(examination)]
    return "\n".join(lines) + "\n"


def _head(evidence: Evidence, examination: Examination) -> Iterator[str]:
    execution = evidence.execution
    title = execution.task_list.title or f"Execution {execution.id}"
    yield f"# {_inline(title)}"
    yield ""
    verdict = "**Verified.**" if examination.verified else "**Not verified.**"
    intact = "Its evidence is intact." if examination.intact else "Its evidence is NOT intact."
    yield f"{verdict} {intact}"
    yield ""
    signed = examination.signed_by or "nobody"
    facts = (
        ("execution", execution.id),
        ("state", str(execution.state)),
        ("workspace", execution.task_list.workspace),
        ("created", _instant(execution.created_at)),
        ("ended", _instant(execution.ended_at)),
        ("looked at", examination.source),
        ("signed by", signed),
    )
    yield from _table(("", ""), facts)
    yield ""
    rows = [
        (one.name, str(one.state), str(one.recorded), "yes" if one.verified else one.reason or "no")
        for one in examination.tasks
    ]
    yield from _table(("task", "state", "checked then", "verified now"), rows)


def _task(task: TaskRecord, standing: Standing) -> Iterator[str]:
    yield f"## {_inline(task.name)}"
    yield ""
    verified = "verified" if standing.verified else f"not verified: {standing.reason}"
    yield f"{str(task.state).capitalize()}; {_inline(verified)}."
    if task.carried_from is not None:
        yield f"Carried over from {_inline(task.carried_from)}, not run here."
    yield from _fenced("Asked", _asked(task))
    outcome = task.outcome
    if outcome is None:
        return
    if outcome.failure is not None:
        which = f" ({outcome.detail})" if outcome.detail else ""
        yield ""
        yield f"Failure: `{outcome.failure}`{which}: {_inline(outcome.message or '')}"
    yield from _executed(outcome.executed, task, outcome)
    claimed = outcome.claimed
    if claimed.text:
        yield from _fenced("Claimed", claimed.text)
    if claimed.files is not None:
        yield from _rows(
            "Files claimed", ("file", ""), [(one.path, one.how) for one in claimed.files]
        )
    yield from _checked(outcome)
    yield from _changes(outcome.changes)


def _executed(executed: Executed | None, task: TaskRecord, outcome: Outcome) -> Iterator[str]:
    if executed is None:
        return
    cost = "unknown" if outcome.cost_usd is None else f"${outcome.cost_usd:.4f}"
    facts = [
        ("ended by", str(executed.ended_by)),
        ("exit code", "none" if executed.exit_code is None else str(executed.exit_code)),
        ("signal", executed.signal or "none"),
        ("duration", "unknown" if executed.duration_s is None else f"{executed.duration_s:.1f} s"),
        ("output", f"{executed.output_bytes:,} bytes"),
        ("attempts", str(task.attempts)),
    ]
    if task.spec.command is None:
        facts.append(("cost", cost))
    yield from _rows("Executed", ("", ""), facts)
    yield from _rows(
        "Timers", ("timer", "ran", "bound", ""), [_timing(one) for one in outcome.timers]
    )


def _timing(timing: Timing) -> tuple[str, str, str, str]:
    bound = "none" if timing.bound_s is None else f"{timing.bound_s:.1f} s"
    return timing.name, f"{timing.ran_s:.1f} s", bound, "expired" if timing.expired else ""


def _checked(outcome: Outcome) -> Iterator[str]:
    verified = outcome.verified
    if verified.schema is not None:
        yield ""
        yield f"Schema: {verified.schema}{_because(verified.schema_error)}"
    rows = [
        (one.path, one.verdict.replace("_", " "), one.claimed or "", one.reason or "")
        for one in verified.files
        if one.claimed or one.verdict in REFUTING
    ]
    yield from _rows("Files found", ("file", "verdict", "claimed", "reason"), rows)
    lines = [(one.kind, one.path, _ok(one.ok), one.reason or "") for one in verified.expectations]
    yield from _rows("Expected", ("", "path", "holds", "reason"), lines)
    checks = [(" ".join(one.argv), _ok(one.ok), one.reason or "") for one in verified.checks]
    yield from _rows("Checks", ("command", "passed", "reason"), checks)
    for check in verified.checks:
        if check.output_tail:
            yield from _fenced(f"The end of what {' '.join(check.argv)} printed", check.output_tail)
    if verified.judgement is not None:
        yield ""
        word = "pass" if verified.judgement.ok else "fail"
        yield f"Judge: {word}{_because(verified.judgement.reason)}"


def _changes(changes: Changes) -> Iterator[str]:
    digests = {path: content.sha256 for path, content in changes.contents.items()}
    kinds = (
        ("created", changes.created),
        ("modified", changes.modified),
        ("deleted", changes.deleted),
        ("mode changed", changes.mode_changed),
    )
    rows = [(path, kind, digests.get(path, "")) for kind, paths in kinds for path in paths]
    yield from _rows("Files as seen on disk", ("file", "", "SHA-256"), rows)
    if not changes.complete:
        yield ""
        yield "Not everything could be looked at."


def _proofs(examination: Examination) -> Iterator[str]:
    yield "## Evidence"
    yield ""
    order = {Holds.NO: 0, Holds.UNKNOWN: 1, Holds.YES: 2}
    proofs = sorted(examination.proofs, key=lambda one: order[one.holds])
    rows = [(one.what, str(one.holds), one.reason or "") for one in proofs]
    yield from _table(("statement", "holds", "reason"), rows)


# --- Markdown ----------------------------------------------------------------------------------------


def _rows(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield ""
        yield f"### {title}"
        yield ""
        yield from _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * len(head), is_rule=True)
    yield from map(_row, rows[:_MAX_ROWS])
    if len(rows) > _MAX_ROWS:
        rest = [""] * (len(head) - 1)
        yield _row([f"... and {len(rows) - _MAX_ROWS} more", *rest])


def _row(cells: Iterable[str], *, is_rule: bool = False) -> str:
    return "| " + " | ".join(cell if is_rule else _inline(cell) for cell in cells) + " |"


def _fenced(title: str, text: str) -> Iterator[str]:
    cut = text[:_MAX_TEXT_CHARS]
    longest = max((len(run) for run in re.findall(r"`+", cut)), default=0)
    fence = "`" * max(3, longest + 1)
    yield ""
    yield f"### {_inline(title)}"
    yield ""
    yield f"{fence}text"
    yield from (_CONTROL.sub("\ufffd", line) for line in cut.splitlines())
    yield fence
    if len(text) > len(cut):
        yield ""
        yield f"Cut off: {len(text):,} characters in all."


def _inline(text: str) -> str:
    """Return text on one line in which nothing means anything to a reader of Markdown."""
    plain = _CONTROL.sub("\ufffd", " ".join(text.split()))
    return _SPECIAL.sub(r"\\\1", plain)


def _because(reason: str | None) -> str:
    return f", {_inline(reason)}" if reason else ""


def _ok(ok: bool) -> str:  # noqa: FBT001 - a cell of a table
    return "yes" if ok else "no"


def _asked(task: TaskRecord) -> str:
    return task.spec.prompt or " ".join(task.spec.command or ())


def _instant(at: float | None) -> str:
    return "-" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"

from __future__ import annotations

import json

import msgspec

from cc_executor.model.bundles import Evidence
from cc_executor.model.evidence import CheckFinding
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import (
    Changes,
    Claimed,
    Content,
    EndedBy,
    Executed,
    Outcome,
    Verified,
)
from cc_executor.model.proofs import Examination, proof, standing, unknown
from cc_executor.model.records import ExecutionRecord, Host, TaskRecord
from cc_executor.model.reports import as_markdown, as_object
from cc_executor.model.results import result_of
from cc_executor.model.specs import TaskList, TaskSpec
from cc_executor.model.timers import Timing

HOSTILE = "# Heading\n```\n![x](http://evil)\n\x1b[2J| cell | <script>"
SPEC = TaskSpec(name="app", prompt="Build it")


def evidence(text: str, path: str = "a.py") -> Evidence:
    outcome = Outcome(
        state=TaskState.SUCCEEDED,
        claimed=Claimed(text=text),
        verified=Verified(
            checks=(CheckFinding(argv=("make", "test"), ok=False, reason=text, output_tail=text),)
        ),
        changes=Changes(created=(path,), contents={path: Content(1, "ab" * 32)}),
    )
    task = TaskRecord(
        id="e.1",
        execution_id="e",
        number=1,
        spec=SPEC,
        state=TaskState.SUCCEEDED,
        outcome=outcome,
    )
    execution = ExecutionRecord(
        id="e",
        host=Host.IN_PROCESS,
        state=TaskState.SUCCEEDED,
        task_list=TaskList(tasks=(SPEC,), workspace="/w", title=text),
        created_at=0.0,
        ended_at=1.0,
    )
    return Evidence(execution=execution, tasks=(task,), attempts=(), events=())


def examination(of: Evidence) -> Examination:
    return Examination(
        execution_id="e",
        source="/b.tar",
        state=TaskState.SUCCEEDED,
        proofs=(
            proof("this holds", None),
            proof("that does not", "it | is broken"),
            unknown("who knows", "nobody"),
        ),
        tasks=tuple(standing(task, ()) for task in of.tasks),
    )


def test_what_an_agent_says_cannot_become_part_of_the_report() -> None:
    whole = evidence(HOSTILE, path="a|b`c`[d](e)\x1b")

    lines = as_markdown(whole, examination(whole)).splitlines()

    fence = next(line for line in lines if line.endswith("````text"))
    assert fence == "````text"  # longer than any in the text
    inside = False
    for line in lines:
        if line.startswith("````"):
            inside = not inside
        elif not inside:
            assert "](http" not in line.replace("\\]", "")
            assert "<script>" not in line.replace("\\<", "")
            assert line.count("# Heading") <= 1
        assert "\x1b" not in line
    assert lines[0].startswith("# \\# Heading")


def test_it_says_what_does_not_hold_first() -> None:
    whole = evidence("done")

    text = as_markdown(whole, examination(whole))

    assert "**Not verified.** Its evidence is NOT intact." in text
    assert (
        text.index("that does not | no | it \\| is broken")
        < text.index("who knows | unknown")
        < text.index("this holds | yes")
    )
    assert "| a.py | created | " + "ab" * 32 in text


def test_the_object_has_everything() -> None:
    whole = evidence("done")

    value = json.loads(json.dumps(as_object(whole, examination(whole))))

    assert value["examination"]["intact"] is False
    assert value["tasks"][0]["outcome"]["claimed"]["text"] == "done"
    assert value["tasks"][0]["asked"] == "Build it"


def test_the_timers_are_told_in_every_form() -> None:
    plain = evidence("done")
    [task] = plain.tasks
    assert task.outcome is not None
    idle = Timing(name="idle", bound_s=900, ran_s=901.25, expired=True)
    outcome = msgspec.structs.replace(
        task.outcome,
        queue=Timing(name="queue", bound_s=None, ran_s=2),
        executed=Executed(ended_by=EndedBy.TIMER, timer="idle", timers=(idle,)),
    )
    task = msgspec.structs.replace(task, outcome=outcome)
    timed = msgspec.structs.replace(plain, tasks=(task,))

    markdown = as_markdown(timed, examination(timed))
    [shown] = result_of(timed.execution, timed.tasks).to_json()["tasks"]

    assert "| queue | 2.0 s | none |  |" in markdown.replace("\\", "")
    assert "| idle | 901.2 s | 900.0 s | expired |" in markdown
    assert shown["timers"] == [
        {"name": "queue", "bound_s": None, "ran_s": 2.0, "expired": False},
        {"name": "idle", "bound_s": 900, "ran_s": 901.25, "expired": True},
    ]

"""Which task a file belongs to, when several have touched it."""

from __future__ import annotations

from cc_executor.model.bundles import Evidence
from cc_executor.model.examining import Held, last_contents
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Changes, Content, Ground, Outcome
from cc_executor.model.records import ExecutionRecord, Host, TaskRecord
from cc_executor.model.specs import TaskList, TaskSpec

ONE, TWO = Content(1, "1" * 64), Content(2, "2" * 64)


def evidence(*changes: Changes, ground: Ground | None = None) -> Evidence:
    specs = tuple(
        TaskSpec(name=f"t{number}", command=("true",), workspace="/w")
        for number in range(1, len(changes) + 1)
    )
    tasks = tuple(
        TaskRecord(
            id=f"e.{number}",
            execution_id="e",
            number=number,
            spec=spec,
            state=TaskState.SUCCEEDED,
            ended_at=float(number),
            outcome=Outcome(state=TaskState.SUCCEEDED, changes=change, ground=ground),
        )
        for number, (spec, change) in enumerate(zip(specs, changes, strict=True), start=1)
    )
    execution = ExecutionRecord(
        id="e",
        host=Host.IN_PROCESS,
        state=TaskState.SUCCEEDED,
        task_list=TaskList(tasks=specs, workspace="/w"),
        created_at=0.0,
    )
    return Evidence(execution=execution, tasks=tasks, attempts=(), events=())


def wrote(path: str, content: Content | None) -> Changes:
    return Changes(created=(path,), contents={} if content is None else {path: content})


def test_the_last_task_that_touched_a_file_says_what_it_holds() -> None:
    found = last_contents(evidence(wrote("a", ONE), wrote("a", TWO)))

    assert found == {"/w": {"a": Held("e.2", TWO)}}


def test_of_a_file_that_was_written_over_and_not_read_nothing_is_known() -> None:
    found = last_contents(evidence(wrote("a", ONE), wrote("a", None)))

    assert found == {"/w": {}}


def test_a_file_that_was_deleted_and_made_again_is_there() -> None:
    found = last_contents(evidence(wrote("a", ONE), Changes(deleted=("a",)), wrote("a", TWO)))

    assert found == {"/w": {"a": Held("e.3", TWO)}}


def test_isolated_work_lies_in_its_ground_while_that_is_kept() -> None:
    kept = Ground(isolation="copy", path="/grounds/e.1/tree")
    removed = Ground(isolation="worktree", branch="b")

    assert last_contents(evidence(wrote("a", ONE), ground=kept)) == {
        "/grounds/e.1/tree": {"a": Held("e.1", ONE)}
    }
    assert last_contents(evidence(wrote("a", ONE), ground=removed)) == {}

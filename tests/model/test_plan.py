from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.plan import Ancestry, Skip, continued, cycle, next_moves
from cc_executor.model.records import TaskRecord
from cc_executor.model.specs import TaskSpec

Q, R, S, F = TaskState.QUEUED, TaskState.RUNNING, TaskState.SUCCEEDED, TaskState.FAILED


def tasks(*entries: tuple[TaskState, tuple[str, ...]]) -> list[TaskRecord]:
    return [
        TaskRecord(
            id=f"x.{number}",
            execution_id="x",
            number=number,
            spec=TaskSpec(name=f"t{number}", prompt="p", needs=needs),
            state=state,
        )
        for number, (state, needs) in enumerate(entries, start=1)
    ]


def test_the_next_task_starts_when_the_one_before_has_succeeded() -> None:
    plan = next_moves(
        tasks((S, ()), (Q, ("t1",)), (Q, ("t2",))),
        stop_on_failure=True,
        cancelling=False,
        concurrency=4,
    )

    assert plan.start == ("x.2",)
    assert not plan.done


def test_a_failure_skips_what_needs_it_and_with_stop_on_failure_everything() -> None:
    entries = tasks((F, ()), (Q, ("t1",)), (Q, ("t2",)), (Q, ()))

    going_on = next_moves(entries, stop_on_failure=False, cancelling=False, concurrency=4)
    stopping = next_moves(entries, stop_on_failure=True, cancelling=False, concurrency=4)

    assert going_on.skip == (Skip("x.2", "t1"), Skip("x.3", "t1"))
    assert going_on.start == ("x.4",)
    assert [one.task_id for one in stopping.skip] == ["x.2", "x.3", "x.4"]
    assert stopping.done


def test_cancelling_starts_nothing() -> None:
    plan = next_moves(tasks((R, ()), (Q, ())), stop_on_failure=True, cancelling=True, concurrency=4)

    assert plan.start == ()
    assert plan.cancel == ("x.2",)
    assert not plan.done


def test_a_circle_is_named() -> None:
    assert cycle({"a": ("b",), "b": ("a",), "c": ()}) in (("a", "b", "a"), ("b", "a", "b"))
    assert cycle({"a": (), "b": ("a",)}) == ()


@st.composite
def lists(draw: st.DrawFn) -> list[TaskRecord]:
    entries = []
    for number in range(1, draw(st.integers(1, 7)) + 1):
        needs = draw(
            st.lists(st.sampled_from([f"t{n}" for n in range(1, number)]), unique=True)
            if number > 1
            else st.just([])
        )
        entries.append((draw(st.sampled_from(TaskState)), tuple(needs)))
    return tasks(*entries)


@given(lists(), st.booleans(), st.booleans(), st.integers(0, 4))
def test_a_plan_keeps_the_rules(
    entries: list[TaskRecord],
    stop: bool,  # noqa: FBT001 - hypothesis gives it by name
    cancelling: bool,  # noqa: FBT001 - hypothesis gives it by name
    room: int,
) -> None:
    plan = next_moves(entries, stop_on_failure=stop, cancelling=cancelling, concurrency=room)

    by_id = {task.id: task for task in entries}
    done = {task.name for task in entries if task.state is S}
    active = sum(task.state in (R, TaskState.PAUSED) for task in entries)
    for task_id in plan.start:
        assert by_id[task_id].state is Q
        assert done.issuperset(by_id[task_id].spec.needs or ())
    assert len(plan.start) <= max(0, room - active)
    touched = [*plan.start, *(one.task_id for one in plan.skip), *plan.cancel]
    assert len(touched) == len(set(touched))
    finished = {one.task_id for one in plan.skip} | set(plan.cancel)
    left = [task for task in entries if not is_final(task.state) and task.id not in finished]
    assert plan.done == (not left)


@given(lists(), st.booleans(), st.integers(1, 4), st.data())
def test_doing_what_the_plan_says_always_comes_to_an_end(
    entries: list[TaskRecord],
    stop: bool,  # noqa: FBT001 - hypothesis gives it by name
    room: int,
    data: st.DataObject,
) -> None:
    by_id = {task.id: task for task in entries}

    def move(task_id: str, state: TaskState) -> None:
        by_id[task_id] = msgspec.structs.replace(by_id[task_id], state=state)

    for _ in range(2 * len(entries) + 1):
        plan = next_moves(
            list(by_id.values()), stop_on_failure=stop, cancelling=False, concurrency=room
        )
        for task_id in plan.start:
            move(task_id, R)
        for skip in plan.skip:
            move(skip.task_id, TaskState.SKIPPED)
        if plan.done:
            break
        active = [task.id for task in by_id.values() if not is_final(task.state)]
        running = [task_id for task_id in active if by_id[task_id].state is not Q]
        assert running, "nothing runs, and nothing will"
        move(running[0], data.draw(st.sampled_from([S, F, TaskState.CANCELLED])))
    assert all(is_final(task.state) for task in by_id.values())


def test_the_reason_of_a_skip_is_the_root_also_after_it_was_recorded() -> None:
    entries = tasks((F, ()), (TaskState.SKIPPED, ("t1",)), (Q, ("t2",)))

    plan = next_moves(entries, stop_on_failure=False, cancelling=False, concurrency=1)

    assert plan.skip == (Skip("x.3", "t1"),)


def test_a_skip_reaches_tasks_that_stand_before_what_they_need() -> None:
    entries = tasks((Q, ("t2",)), (Q, ("t3",)), (F, ()))

    plan = next_moves(entries, stop_on_failure=False, cancelling=False, concurrency=1)

    assert plan.skip == (Skip("x.1", "t3"), Skip("x.2", "t3"))


def test_a_cancelled_task_stops_the_list_like_a_failed_one() -> None:
    entries = tasks((TaskState.CANCELLED, ()), (Q, ()))

    stopping = next_moves(entries, stop_on_failure=True, cancelling=False, concurrency=1)
    going_on = next_moves(entries, stop_on_failure=False, cancelling=False, concurrency=1)

    assert stopping.skip == (Skip("x.2", "t1"),)
    assert going_on.start == ("x.2",)


def test_paused_tasks_keep_their_slots() -> None:
    entries = tasks((TaskState.PAUSED, ()), (R, ()), (Q, ()), (Q, ()))

    plan = next_moves(entries, stop_on_failure=True, cancelling=False, concurrency=3)

    assert plan.start == ("x.3",)


def test_ancestry_reaches_through_others() -> None:
    ancestry = Ancestry({"d": ("b", "c"), "a": (), "b": ("a",), "c": ()})

    assert ancestry.precedes("a", "d")
    assert ancestry.precedes("c", "d")
    assert not ancestry.precedes("c", "b")
    assert not ancestry.precedes("d", "d")


def test_continuing_carries_exactly_what_has_succeeded() -> None:
    entries = tasks((S, ()), (F, ("t1",)), (TaskState.SKIPPED, ("t2",)))

    carried, to_run = continued(entries)

    assert [task.name for task in carried] == ["t1"]
    assert [task.name for task in to_run] == ["t2", "t3"]

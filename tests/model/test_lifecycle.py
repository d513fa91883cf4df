from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cc_executor.errors import InvalidTransition
from cc_executor.model.lifecycle import (
    MOVE_TO,
    MOVES,
    Move,
    TaskState,
    after,
    is_final,
    state_of_list,
)

STATES = st.lists(st.sampled_from(TaskState), min_size=1, max_size=8)


@given(st.lists(st.sampled_from(Move), max_size=20))
def test_a_final_state_is_never_left(moves: list[Move]) -> None:
    state = TaskState.QUEUED
    for move in moves:
        was_final = is_final(state)
        try:
            state = after(state, move)
        except InvalidTransition:
            assert move not in MOVES.get(state, {})
        else:
            assert not was_final


@given(STATES)
def test_a_list_is_final_exactly_when_all_its_tasks_are(states: list[TaskState]) -> None:
    assert is_final(state_of_list(states)) == all(is_final(state) for state in states)


@given(STATES)
def test_a_list_has_succeeded_exactly_when_all_its_tasks_have(states: list[TaskState]) -> None:
    succeeded = state_of_list(states) is TaskState.SUCCEEDED
    assert succeeded == (set(states) == {TaskState.SUCCEEDED})


@given(STATES)
def test_a_list_that_has_not_succeeded_is_what_the_first_task_to_blame_is(
    states: list[TaskState],
) -> None:
    blamed = [state for state in states if state not in (TaskState.SUCCEEDED, TaskState.SKIPPED)]
    if blamed and all(is_final(state) for state in states):
        assert state_of_list(states) is blamed[0]


def test_a_list_runs_from_its_first_start_to_its_last_end() -> None:
    queued, done = TaskState.QUEUED, TaskState.SUCCEEDED

    assert state_of_list([queued, queued]) is TaskState.QUEUED
    assert state_of_list([done, queued]) is TaskState.RUNNING
    assert state_of_list([done, TaskState.PAUSED]) is TaskState.PAUSED
    assert state_of_list([TaskState.RUNNING, TaskState.PAUSED]) is TaskState.RUNNING


def test_every_end_of_a_running_task_can_be_reached_by_its_move() -> None:
    for state, move in MOVE_TO.items():
        assert after(TaskState.RUNNING, move) is state
        assert after(TaskState.PAUSED, move) is state
        assert is_final(state)

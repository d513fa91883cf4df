from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.errors import InvalidTransition
from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.ids import (
    ENTROPY_BYTES,
    attempt_id,
    check_execution_id,
    execution_of,
    new_execution_id,
    task_id,
    task_of,
)
from cc_executor.model.lifecycle import MOVES, Move, TaskState, after, is_final, state_of_list
from cc_executor.model.outcomes import (
    Outcome,
    SchemaViolation,
    TaskCancelled,
    TaskFailed,
    TaskTimedOut,
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


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_has_its_facts_and_never_means_success(failure: Failure) -> None:
    facts = FAILURES[failure]
    assert is_final(facts.state)
    assert facts.state is not TaskState.SUCCEEDED
    assert facts.meaning.endswith(".")
    assert facts.advice.endswith(".")


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure.TIMED_OUT, TaskTimedOut),
        (Failure.CANCELLED, TaskCancelled),
        (Failure.SCHEMA_VIOLATION, SchemaViolation),
        (Failure.CRASHED, TaskFailed),
    ],
)
def test_a_failed_outcome_raises_what_fits_with_the_partial_output(
    failure: Failure, kind: type[TaskFailed]
) -> None:
    outcome = Outcome(state=FAILURES[failure].state, failure=failure, message="so it was")

    with pytest.raises(TaskFailed) as raised:
        outcome.raise_for_failure(task_id="x.1", partial_output="half")

    assert type(raised.value) is kind
    assert raised.value.partial_output == "half"
    assert "so it was" in str(raised.value)
    assert raised.value.hint == FAILURES[failure].advice


def test_a_success_raises_nothing() -> None:
    outcome = Outcome(state=TaskState.SUCCEEDED)
    outcome.raise_for_failure(task_id="x.1")
    assert outcome.ok


def test_ids_sort_by_time_and_contain_each_other() -> None:
    entropy = bytes(ENTROPY_BYTES)
    earlier = new_execution_id(now_s=1_000.0, entropy=b"\xff" * ENTROPY_BYTES)
    later = new_execution_id(now_s=1_000.001, entropy=entropy)

    assert earlier < later
    assert check_execution_id(later) == later
    attempt = attempt_id(task_id(later, 3), 2)
    assert attempt == f"{later}.3.2"
    assert task_of(attempt) == f"{later}.3"
    assert execution_of(attempt) == later

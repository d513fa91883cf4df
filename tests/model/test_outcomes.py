from __future__ import annotations

import msgspec
import pytest

from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import (
    Claimed,
    Outcome,
    SchemaViolation,
    TaskCancelled,
    TaskFailed,
    TaskTimedOut,
)


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


def test_what_nobody_knows_stays_unknown() -> None:
    outcome = Outcome(state=TaskState.SUCCEEDED)

    assert outcome.cost_usd is None
    assert outcome.usage is None
    assert outcome.executed is None
    assert outcome.text == ""


def test_an_outcome_survives_being_written_and_read() -> None:
    outcome = Outcome(
        state=TaskState.FAILED,
        failure=Failure.MAX_TURNS,
        claimed=Claimed(text="half", structured={"n": [1, None]}),
        cost_usd=0.25,
    )

    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome


def test_a_structured_null_is_not_the_same_as_nothing() -> None:
    given = Claimed(structured=None)
    kept = msgspec.json.decode(msgspec.json.encode(given), type=Claimed)

    assert kept.structured is None
    assert msgspec.json.decode(msgspec.json.encode(Claimed()), type=Claimed).structured is (
        msgspec.UNSET
    )

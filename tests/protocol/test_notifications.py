from __future__ import annotations

from fnmatch import fnmatch
from typing import Any, Final

import msgspec
import pytest

from cc_executor.model.events import Lifecycle
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import MOVES, Move, TaskState, is_final
from cc_executor.protocol.framing import Framer
from cc_executor.protocol.notifications import NOTIFICATIONS, of_lifecycle

PLACE: Final = {
    "subscription": "s",
    "execution_id": "e",
    "task_id": "e.1",
    "attempt": 2,
    "at": 5.0,
}


def event(
    kind: str, *, task_id: str | None = "e.1", attempt: int | None = 2, **data: Any
) -> Lifecycle:
    return Lifecycle(
        seq=9, at=5.0, execution_id="e", kind=kind, task_id=task_id, attempt=attempt, data=data
    )


def told(event: Lifecycle) -> list[tuple[str, dict[str, Any]]]:
    """Return what is sent, as JSON has it."""
    return [
        (name, msgspec.json.decode(msgspec.json.encode(params)))
        for name, params in of_lifecycle("s", event)
    ]


def names(event: Lifecycle) -> list[str]:
    return [name for name, _ in told(event)]


def ended(state: str, **data: Any) -> Lifecycle:
    return event("attempt.ended", name="api", state=state, **data)


def test_an_event_is_told_under_its_own_name_with_its_place_and_its_facts() -> None:
    assert told(event("task.started", name="api", attempts=0)) == [
        (
            "task.started",
            {**PLACE, "seq": 9, "kind": "task.started", "data": {"name": "api", "attempts": 0}},
        )
    ]


def test_what_concerns_the_whole_has_no_task() -> None:
    ((name, params),) = told(event("execution.succeeded", task_id=None, attempt=None))

    assert name == "execution.succeeded"
    assert params["task_id"] is None
    assert params["attempt"] is None


def test_an_event_of_another_kind_is_a_note() -> None:
    ((name, params),) = told(event("weather.changed", mood="good"))

    assert (name, params["kind"], params["data"]) == (
        "execution.noted",
        "weather.changed",
        {"mood": "good"},
    )


def test_a_process_that_starts_is_told_with_its_group() -> None:
    started, _ = told(event("attempt.started", name="api", pid=4242))

    assert started == (
        "process.started",
        {**PLACE, "status": "started", "pid": 4242, "pgid": 4242},
    )


@pytest.mark.parametrize("word", ["paused", "resumed"])
def test_a_process_that_is_frozen_or_goes_on_is_told(word: str) -> None:
    first, second = told(event(f"task.{word}", name="api", attempts=1))

    assert first == (f"process.{word}", {**PLACE, "status": word})
    assert second[0] == f"task.{word}"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("succeeded", "completed"),
        ("failed", "failed"),
        ("timed_out", "timed_out"),
        ("cancelled", "canceled"),
        ("lost", "lost"),
    ],
)
def test_an_attempt_that_ends_is_completed_whatever_became_of_it(state: str, status: str) -> None:
    completed = dict(told(ended(state)))["process.completed"]

    assert completed["status"] == status
    assert (completed["exit_code"], completed["execution_time"]) == (None, None)


def test_a_completed_process_is_told_with_what_is_known_and_nothing_else() -> None:
    facts: dict[str, Any] = {"failure": "exit_status", "exit_code": 3, "duration_s": 1.5}

    completed = dict(told(ended("failed", **facts)))["process.completed"]

    assert completed == {
        **PLACE,
        "status": "failed",
        "exit_code": 3,
        "execution_time": 1.5,
        "outcome": {"state": "failed", **facts},
    }


def test_a_cancelled_process_is_told_to_be_both_cancelled_and_completed() -> None:
    assert names(ended("cancelled", failure="cancelled")) == [
        "process.canceled",
        "process.completed",
        "attempt.ended",
    ]


def test_a_program_that_could_not_be_started_is_an_error() -> None:
    error, *rest = told(ended("failed", failure="start_failed", error="No such file"))

    assert error == (
        "process.error",
        {**PLACE, "error": "No such file", "failure": "start_failed"},
    )
    assert [name for name, _ in rest] == ["process.completed", "attempt.ended"]


@pytest.mark.parametrize(
    ("failure", "name", "code"),
    [
        (Failure.CONTEXT_OVERFLOW, "error.token_limit_exceeded", -32004),
        (Failure.USAGE_LIMIT, "error.rate_limit_exceeded", None),
        (Failure.RATE_LIMITED, "error.rate_limit_exceeded", None),
    ],
)
def test_a_limit_that_the_agent_reports_is_told(
    failure: Failure, name: str, code: int | None
) -> None:
    facts = {"failure": str(failure), "message": "in its words", "limit_resets_at": 99.0}

    assert told(ended("failed", **facts))[0] == (
        name,
        {
            **PLACE,
            "failure": str(failure),
            "message": "in its words",
            "resets_at": 99.0,
            "code": code,
        },
    )


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_task_that_ends_before_any_attempt_is_completed_too(state: str) -> None:
    """Whoever has sent `execute` waits for it, also after a CANCEL in the queue."""
    final = event(f"task.{state}", attempt=None, name="api", attempts=0, state=state)

    completed = dict(told(final))["process.completed"]

    assert completed["attempt"] is None
    assert completed["status"] == ("canceled" if state == "cancelled" else state)


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled", "timed_out", "lost"])
def test_a_task_whose_attempt_has_ended_is_not_completed_twice(state: str) -> None:
    final = event(f"task.{state}", attempt=None, name="api", attempts=1, state=state)

    assert names(final) == [f"task.{state}"]


def test_a_task_that_is_skipped_never_was_a_process() -> None:
    assert names(event("task.skipped", attempt=None, attempts=0)) == ["task.skipped"]


def test_the_event_itself_comes_last_and_only_it_moves_the_cursor() -> None:
    notices = Framer("s", "e").feed(ended("cancelled"))

    assert [notice.cursor.seq for notice in notices] == [0, 0, 9]
    assert notices[-1].method == "attempt.ended"


@pytest.mark.parametrize("state", [state for state in TaskState if is_final(state)])
@pytest.mark.parametrize("failure", [None, *Failure])
def test_whatever_is_told_stands_in_the_reference(
    state: TaskState, failure: Failure | None
) -> None:
    for kind in ("attempt.ended", f"task.{state}"):
        for attempts in (0, 1):
            final = event(kind, state=state, failure=failure, attempts=attempts)
            for name, params in of_lifecycle("s", final):
                shape = next(one for of, one in NOTIFICATIONS.items() if fnmatch(name, of))
                assert type(params) is shape


def test_every_final_state_of_a_running_task_has_a_status() -> None:
    for move, state in MOVES[TaskState.RUNNING].items():
        if is_final(state) and move is not Move.SKIP:
            assert "process.completed" in names(ended(state))
            assert dict(told(ended(state)))["process.completed"]["status"] != "failed" or (
                state is TaskState.FAILED
            )

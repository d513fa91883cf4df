from __future__ import annotations

import pytest

from cc_executor.cli.exits import MEANINGS, OF_REFUSAL, OF_STATE, Exit, of_execution, of_refusal
from cc_executor.errors import (
    AgentNotInstalled,
    AmbiguousId,
    CCExecutorError,
    CommandNotAllowed,
    InvalidPrompt,
    InvalidSetting,
    InvalidTaskFile,
    InvalidTransition,
    InvalidWorkspace,
    LimitReached,
    NotResponding,
    UnknownAgent,
)
from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.lifecycle import TaskState, is_final
from tests.cli.fakes import execution, outcome, task

STATES = [
    (TaskState.SUCCEEDED, None, 0),
    (TaskState.FAILED, Failure.EXIT_STATUS, 1),
    (TaskState.LOST, Failure.LOST, 1),
    (TaskState.TIMED_OUT, Failure.TIMED_OUT, 4),
    (TaskState.CANCELLED, Failure.CANCELLED, 5),
    (TaskState.FAILED, Failure.USAGE_LIMIT, 6),
    (TaskState.FAILED, Failure.BILLING, 6),
    (TaskState.FAILED, Failure.RATE_LIMITED, 6),
    (TaskState.FAILED, Failure.BUDGET, 6),
    (TaskState.FAILED, Failure.MAX_TURNS, 6),
    (TaskState.FAILED, Failure.RESOURCE_EXCEEDED, 6),
]

REFUSALS = [
    (InvalidPrompt("it is empty"), 2),
    (InvalidTaskFile("tasks.yaml", "no", line=3), 2),
    (InvalidWorkspace("/nowhere", "does not exist"), 2),
    (InvalidSetting("home", "no", origin="flag"), 2),
    (UnknownAgent("cloud", ("claude",)), 2),
    (CommandNotAllowed("/bin/rm"), 3),
    (AmbiguousId("01", ("01a", "01b")), 3),
    (InvalidTransition("succeeded", "cancel"), 3),
    (AgentNotInstalled("claude", ("PATH",), hint="Install it."), 3),
    (NotResponding("the engine", 60), 3),
    (LimitReached("max_concurrency", value=4, asked=5, unit="tasks"), 6),
]


@pytest.mark.parametrize(("state", "failure", "code"), STATES, ids=str)
def test_an_execution_exits_as_its_task_ended(
    state: TaskState, failure: Failure | None, code: int
) -> None:
    ended = execution(task(ended=outcome(state, failure)))

    assert of_execution(ended) == code


def test_the_first_task_that_did_not_succeed_decides() -> None:
    good = task(1, ended=outcome())
    late = task(2, ended=outcome(TaskState.TIMED_OUT, Failure.TIMED_OUT))
    bad = task(3, ended=outcome(TaskState.FAILED, Failure.EXIT_STATUS))
    skipped = task(4, ended=outcome(TaskState.SKIPPED, Failure.UPSTREAM))

    assert of_execution(execution(good, skipped, late, bad)) is Exit.TIMED_OUT
    assert of_execution(execution(good, skipped)) is Exit.FAILED
    assert of_execution(execution(good)) is Exit.DONE


@pytest.mark.parametrize(("refusal", "code"), REFUSALS, ids=lambda value: type(value).__name__)
def test_a_refusal_exits_as_its_kind_says(refusal: CCExecutorError, code: int) -> None:
    assert of_refusal(refusal) == code


def test_every_final_state_and_every_refusal_has_a_code() -> None:
    assert set(OF_STATE) == {state for state in TaskState if is_final(state)}
    assert {facts.state for facts in FAILURES.values()} <= set(OF_STATE)
    assert CCExecutorError in OF_REFUSAL
    assert set(MEANINGS) == set(Exit)

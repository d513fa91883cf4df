"""What an attempt is an example of, and what it teaches."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cc_executor.forecast.observing import effort_of, observation_of, subject_of
from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.forecasts import Subject
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Claimed, EndedBy, Executed, Outcome, Usage
from cc_executor.model.specs import TaskSpec

SUBJECT = Subject(agent="claude")


def outcome(
    failure: Failure | None = None, ended_by: EndedBy = EndedBy.EXIT, **executed: Any
) -> Outcome:
    return Outcome(
        state=FAILURES[failure].state if failure else TaskState.SUCCEEDED,
        failure=failure,
        executed=Executed(ended_by=ended_by, **{"duration_s": 10.0, **executed}),
    )


def ending(of: Outcome) -> str | None:
    observed = observation_of(SUBJECT, of, at=1.0)
    return observed.ending if observed is not None else None


def test_a_prompt_is_known_by_its_digest_and_size_not_by_its_text() -> None:
    spec = TaskSpec(prompt="Write a parser.", model="opus", agent_args=("--effort=high",))
    subject = subject_of(spec, preamble_tokens=100, load=0.5)

    assert subject == Subject(
        agent="claude",
        model="opus",
        effort="high",
        kind="",
        digest=subject.digest,
        tokens=104,
        load=0.5,
    )
    assert len(subject.digest) == 16
    assert "parser" not in repr(subject)


def test_a_command_is_of_the_kind_of_its_program_unless_it_says_otherwise() -> None:
    plain = subject_of(TaskSpec(command=("/usr/bin/make", "all")), preamble_tokens=0, load=None)
    named = subject_of(
        TaskSpec(command=("/usr/bin/make", "all"), kind="build"), preamble_tokens=0, load=None
    )
    other = subject_of(TaskSpec(command=("/usr/bin/make all",)), preamble_tokens=0, load=None)

    assert (plain.agent, plain.kind, named.kind) == ("command", "make", "build")
    assert plain.digest == named.digest != other.digest


@pytest.mark.parametrize(
    ("arguments", "effort"),
    [
        ((), None),
        (("--effort=high",), "high"),
        (("--effort", "low"), "low"),
        (("--effort=high", "--x", "--effort=max"), "max"),
        (("--effort",), None),
        (("--efforts=high",), None),
    ],
)
def test_the_effort_is_what_the_agent_is_told(arguments: tuple[str, ...], effort: str) -> None:
    assert effort_of(arguments) == effort


def test_only_a_run_that_ended_by_itself_with_success_is_complete() -> None:
    assert ending(outcome()) == "completed"
    assert ending(outcome(ended_by=EndedBy.GRACE)) == "completed"


@pytest.mark.parametrize(
    ("failure", "ended_by"),
    [
        (Failure.TIMED_OUT, EndedBy.TIMER),
        (Failure.CANCELLED, EndedBy.CANCEL),
        (Failure.ABANDONED, EndedBy.ORPHANED),
        (Failure.RESOURCE_EXCEEDED, EndedBy.LIMIT),
        (Failure.LOST, EndedBy.LOST),
        (Failure.MAX_TURNS, EndedBy.EXIT),
        (Failure.BUDGET, EndedBy.EXIT),
        (None, EndedBy.TIMER),
    ],
)
def test_what_was_cut_short_says_only_that_it_would_have_taken_longer(
    failure: Failure | None, ended_by: EndedBy
) -> None:
    assert ending(outcome(failure, ended_by)) == "censored"


@pytest.mark.parametrize(
    ("timer", "kind"),
    [
        ("total", "censored"),
        ("cap", "censored"),
        ("start", "failed"),
        ("first_byte", "failed"),
        ("idle", "failed"),
    ],
)
def test_a_run_that_hung_does_not_say_that_healthy_ones_take_longer(timer: str, kind: str) -> None:
    hung = msgspec.structs.replace(outcome(Failure.TIMED_OUT, EndedBy.TIMER), detail=timer)
    assert ending(hung) == kind


@pytest.mark.parametrize(
    "failure",
    [Failure.EXIT_STATUS, Failure.USAGE_LIMIT, Failure.CHECK_FAILED, Failure.CLAIM_REFUTED],
)
def test_a_failure_is_never_a_duration_of_success(failure: Failure) -> None:
    assert ending(outcome(failure)) == "failed"


def test_every_failure_is_one_or_the_other() -> None:
    assert {ending(outcome(failure)) for failure in Failure} == {"failed", "censored"}


@pytest.mark.parametrize(
    "nothing",
    [
        Outcome(state=TaskState.FAILED, failure=Failure.REFUSED),
        outcome(Failure.START_FAILED, EndedBy.START),
        outcome(Failure.LOST, EndedBy.LOST, duration_s=None),
    ],
)
def test_what_never_ran_or_nobody_saw_teaches_nothing(nothing: Outcome) -> None:
    assert observation_of(SUBJECT, nothing, at=1.0) is None


def test_time_spent_paused_does_not_count() -> None:
    observed = observation_of(SUBJECT, outcome(duration_s=10.0, paused_s=7.5), at=1.0)
    assert observed is not None
    assert observed.duration_s == 2.5


def test_what_is_unknown_stays_unknown_and_tokens_are_all_tokens() -> None:
    observed = observation_of(SUBJECT, outcome(), at=1.0)
    assert observed is not None
    assert (observed.turns, observed.cost_usd, observed.total_tokens) == (None, None, None)

    known = Outcome(
        state=TaskState.SUCCEEDED,
        executed=Executed(ended_by=EndedBy.EXIT, duration_s=1.0, max_rss_bytes=5),
        claimed=Claimed(num_turns=3),
        cost_usd=0.5,
        usage=Usage(
            input_tokens=1, output_tokens=10, cache_read_tokens=100, cache_write_tokens=1000
        ),
    )
    observed = observation_of(SUBJECT, known, at=1.0)
    assert observed is not None
    assert (observed.turns, observed.cost_usd) == (3, 0.5)
    assert (observed.total_tokens, observed.max_rss_bytes) == (1111, 5)

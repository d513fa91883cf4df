from __future__ import annotations

import pytest

from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.lifecycle import TaskState, is_final


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_has_its_facts_and_never_means_success(failure: Failure) -> None:
    facts = FAILURES[failure]
    assert is_final(facts.state)
    assert facts.state is not TaskState.SUCCEEDED
    assert facts.meaning.endswith(".")
    assert facts.advice.endswith(".")


def test_nothing_but_failures_is_in_the_table() -> None:
    assert set(FAILURES) == set(Failure)
    assert len({failure.value for failure in Failure}) == len(Failure)


@pytest.mark.parametrize("failure", [Failure.CANCELLED, Failure.TIMED_OUT, Failure.UPSTREAM])
def test_what_would_end_the_same_way_again_is_not_retried(failure: Failure) -> None:
    assert not FAILURES[failure].retry_can_help

"""Whether a task is tried again, and how: counted by the outcomes alone."""

from __future__ import annotations

import pytest

from cc_executor.errors import InvalidSpec
from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.lists import task_list
from cc_executor.model.outcomes import EndedBy, Executed, Outcome, Usage
from cc_executor.model.retries import (
    LONGEST_WINDOW_S,
    RESUMED,
    Next,
    Why,
    credible,
    next_attempt,
    next_spec,
    park_of,
    with_whole_cost,
)
from cc_executor.model.specs import Park, RetryPolicy, TaskSpec

NOW = 1_700_000_000.0
RAN = Executed(ended_by=EndedBy.EXIT, exit_code=1)


def failed(failure: Failure, *, resets_at: float | None = None, ran: bool = True) -> Outcome:
    return Outcome(
        state=FAILURES[failure].state,
        failure=failure,
        executed=RAN if ran else None,
        agent_session_id="s-1",
        limit_resets_at=resets_at,
    )


def asked(**fields: object) -> TaskSpec:
    return task_list([{"prompt": "Do it.", **fields}], workspace="/w").tasks[0]


def test_nothing_is_tried_again_unless_it_is_asked_for() -> None:
    for failure in Failure:
        assert next_attempt(asked(), [failed(failure)], None) is None


@pytest.mark.parametrize("failure", Failure)
def test_only_what_trying_again_can_help_is_tried_again(failure: Failure) -> None:
    following = next_attempt(asked(retries=1), [failed(failure)], None)

    assert (following is not None) == FAILURES[failure].retry_can_help
    if following is not None:
        assert following == Next(Why.RETRY, failure in RESUMED, 1, 1)


def test_a_policy_names_the_failures_that_it_is_for() -> None:
    spec = asked(retry={"max": 2, "on": ["overloaded"]})
    assert next_attempt(spec, [failed(Failure.OVERLOADED)], None) is not None
    assert next_attempt(spec, [failed(Failure.API_ERROR)], None) is None


def test_repetitions_are_counted_and_what_never_ran_costs_none() -> None:
    spec = asked(retry={"max": 2})
    overloaded, nothing_ran = failed(Failure.OVERLOADED), failed(Failure.ABANDONED, ran=False)
    outcomes = [overloaded, nothing_ran]
    assert next_attempt(spec, outcomes, None) == Next(Why.RETRY, True, 1, 2)
    outcomes.append(overloaded)
    assert next_attempt(spec, outcomes, None) == Next(Why.RETRY, True, 2, 2)
    outcomes.append(overloaded)
    assert next_attempt(spec, outcomes, None) is None


def test_a_session_that_is_not_there_is_left_for_a_new_one() -> None:
    spec = asked(retries=1)
    outcomes = [failed(Failure.OVERLOADED), failed(Failure.AGENT_SESSION)]
    following = next_attempt(spec, outcomes, None)
    assert following == Next(Why.ANEW)
    assert following is not None
    assert next_spec(spec, outcomes, following) == spec
    assert next_attempt(spec, [failed(Failure.AGENT_SESSION)], None) is None  # the user's own


def test_what_is_resumed_is_told_to_go_on_in_its_session() -> None:
    spec = asked(retries=1)
    outcomes = [failed(Failure.INTERRUPTED)]
    following = next_attempt(spec, outcomes, None)
    assert following is not None
    resumed = next_spec(spec, outcomes, following)
    assert resumed.session_id == "s-1"
    assert resumed.prompt != spec.prompt

    fresh = asked(retry={"resume": "never"})
    following = next_attempt(fresh, outcomes, None)
    assert following is not None
    assert next_spec(fresh, outcomes, following) == fresh


def test_a_parked_task_waits_for_so_many_windows_and_no_more() -> None:
    spec = asked(park={"max_waits": 2})
    assert isinstance(spec.park, Park)
    limited = failed(Failure.USAGE_LIMIT, resets_at=NOW + 60)
    assert next_attempt(spec, [limited], spec.park) == Next(Why.WINDOW, True, 1, 2)
    assert next_attempt(spec, [limited] * 2, spec.park) == Next(Why.WINDOW, True, 2, 2)
    assert next_attempt(spec, [limited] * 3, spec.park) is None
    assert next_attempt(spec, [limited], None) is None


def test_without_a_time_of_reset_a_usage_limit_is_a_failure_like_others() -> None:
    limited = failed(Failure.USAGE_LIMIT)
    assert next_attempt(asked(park=True), [limited], Park()) is None
    spec = asked(park=True, retries=1)
    assert next_attempt(spec, [limited], Park()) == Next(Why.RETRY, True, 1, 1)


@pytest.mark.parametrize("seconds", [-3_600, 0, LONGEST_WINDOW_S + 1, 1e12])
def test_a_time_of_reset_that_cannot_be_true_is_said_and_not_used(seconds: float) -> None:
    outcome = credible(failed(Failure.USAGE_LIMIT, resets_at=NOW + seconds), NOW)
    assert outcome.limit_resets_at is None
    assert "cannot be true" in (outcome.message or "")


def test_a_time_of_reset_that_can_be_true_stays() -> None:
    outcome = failed(Failure.USAGE_LIMIT, resets_at=NOW + LONGEST_WINDOW_S)
    assert credible(outcome, NOW) is outcome


def test_who_parks_is_said_by_the_task_and_else_by_the_setting() -> None:
    assert park_of(asked(), by_default=False) is None
    assert park_of(asked(), by_default=True) == Park()
    assert park_of(asked(park=False), by_default=True) is None
    assert park_of(asked(park={"max_hours": 2}), by_default=False) == Park(max_hours=2)
    parked = task_list(
        {"tasks": ["a", {"prompt": "b", "park": False}], "park": True}, workspace="/"
    )
    assert [one.park for one in parked.tasks] == [True, False]


def test_a_task_costs_what_its_attempts_cost_and_unknown_stays_unknown() -> None:
    def cost(usd: float | None, tokens: int | None) -> Outcome:
        usage = None if tokens is None else Usage(input_tokens=tokens)
        return Outcome(
            state=FAILURES[Failure.OVERLOADED].state, executed=RAN, cost_usd=usd, usage=usage
        )

    never_ran = failed(Failure.ABANDONED, ran=False)
    whole = with_whole_cost(cost(0.25, 1), [cost(0.5, 2), never_ran])
    assert (whole.cost_usd, whole.usage) == (0.75, Usage(input_tokens=3))
    whole = with_whole_cost(cost(0.25, 1), [cost(None, None)])
    assert (whole.cost_usd, whole.usage) == (None, None)
    assert with_whole_cost(never_ran, [cost(0.5, 2)]).cost_usd == 0.5


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"retry": {"max": -1}}, "retry.max"),
        ({"retry": {"base_s": float("nan")}}, "retry.base_s"),
        ({"retry": {"on": ["billing"]}}, "retry.on"),
        ({"retry": {"on": ["bad luck"]}}, "retry.on[0]"),
        ({"retry": {"resume": "perhaps"}}, "retry.resume"),
        ({"retry": {"max": 1}, "retries": 1}, "retries"),
        ({"park": {"max_waits": 0}}, "park.max_waits"),
        ({"park": {"max_hours": 24 * 9}}, "park.max_hours"),
        ({"park": "yes"}, "park"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_with_its_place(
    fields: dict[str, object], where: str
) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        asked(**fields)
    assert refusal.value.where == f"tasks[0].{where}"


def test_the_refusal_of_a_hopeless_failure_names_those_that_can_be_helped() -> None:
    with pytest.raises(InvalidSpec, match="does not help after billing") as refusal:
        asked(retry={"on": ["billing", "overloaded"]})
    assert "overloaded" in refusal.value.hint


def test_the_policy_of_plain_retries_is_the_default_one() -> None:
    assert RetryPolicy(max=3) == RetryPolicy(max=3, on=(), base_s=1.0, max_s=60.0, jitter_s=1.0)

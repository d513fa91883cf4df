"""U6: a session's running total is never taken for the cost of one attempt; unknown is not zero."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cc_executor.agents.claude.account import Account, Charge
from cc_executor.agents.claude.fields import Fields, read_objects
from cc_executor.model.outcomes import Usage


def result(**fields: Any) -> Fields:
    objects = read_objects(json.dumps(fields).encode())
    assert objects is not None
    return objects[0]


def since(usd: float, total: float, index: int, **more: Any) -> Fields:
    return result(
        model_usage_since_last_result={"m": {"costUSD": usd, "inputTokens": 10, **more}},
        total_cost_usd=total,
        result_index=index,
    )


def test_deltas_are_summed_and_the_total_of_the_session_is_not_looked_at() -> None:
    account = Account(fresh=False)

    account.add(since(0.25, 9.25, 0))
    account.add(since(0.5, 9.75, 1))

    assert account.total() == Charge(0.75, Usage(input_tokens=20))


def test_several_models_are_summed() -> None:
    account = Account(fresh=True)
    usage = {"outputTokens": 1, "cacheReadInputTokens": 2, "cacheCreationInputTokens": 3}

    account.add(
        result(
            model_usage_since_last_result={
                "big": {"costUSD": 0.5, **usage},
                "small": {"costUSD": 0.25, **usage},
            }
        )
    )

    assert account.total() == Charge(
        0.75, Usage(output_tokens=2, cache_read_tokens=4, cache_write_tokens=6)
    )


def test_no_result_is_an_unknown_cost() -> None:
    assert Account(fresh=True).total() == Charge(None, None)


def test_a_failure_before_any_model_answered_cost_nothing_and_that_is_known() -> None:
    account = Account(fresh=False)

    account.add(result(model_usage_since_last_result={}, total_cost_usd=9.0))

    assert account.total() == Charge(0.0, Usage())


def test_a_model_of_unknown_price_makes_the_cost_unknown_and_not_the_tokens() -> None:
    account = Account(fresh=True)

    account.add(since(0.0, 0.0, 0, costBasis="unknown"))

    assert account.total() == Charge(None, Usage(input_tokens=10))


def test_one_unknown_cost_makes_the_sum_unknown() -> None:
    account = Account(fresh=False)

    account.add(since(0.25, 0.25, 0))
    account.add(result(result_index=1))
    account.add(since(0.25, 0.5, 2))

    assert account.total() == Charge(None, None)


@pytest.mark.parametrize(
    ("fresh", "totals", "expected"),
    [
        (True, [0.25], 0.25),
        (True, [0.25, 0.75], 0.75),
        (False, [9.25], None),  # how much of it is ours?
        (False, [0.0], 0.0),  # nothing was spent before, nothing now
        (True, [0.75, 0.25], None),  # a total that falls is none
    ],
)
def test_without_deltas_only_totals_that_began_with_us_tell(
    fresh: bool,  # noqa: FBT001 - a column of the table
    totals: list[float],
    expected: float | None,
) -> None:
    account = Account(fresh=fresh)

    for total in totals:
        account.add(result(total_cost_usd=total))

    assert account.total().cost_usd == expected


def test_a_result_that_was_lost_is_made_up_for_by_the_total_where_that_began_with_us() -> None:
    fresh, resumed = Account(fresh=True), Account(fresh=False)

    for account in (fresh, resumed):
        account.add(since(0.25, 0.25, 0))
        account.add(since(0.25, 1.0, 2))  # what result 1 added is in the total only

    assert fresh.total() == Charge(1.0, None)
    # The first result tells what the total stood at, also for a session that was resumed.
    assert resumed.total() == Charge(1.0, None)


def test_a_first_result_that_was_lost_in_a_resumed_session_leaves_the_cost_unknown() -> None:
    account = Account(fresh=False)

    account.add(since(0.25, 9.0, 1))

    assert account.total().cost_usd is None


def test_numbers_that_are_none_are_unknown() -> None:
    account = Account(fresh=True)

    account.add(result(total_cost_usd="0.25", usage={"input_tokens": "3"}))

    assert account.total() == Charge(None, Usage())

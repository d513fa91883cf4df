from __future__ import annotations

import pytest

from cc_executor.errors import InvalidSpec
from cc_executor.model.budgets import (
    Account,
    Amounts,
    Ask,
    Budget,
    Caps,
    Hold,
    Short,
    allowance_of,
    caps_of,
    granted,
    micro_usd,
)
from cc_executor.model.lists import task_list

A_DOLLAR = 1_000_000


def ask(usd: int, *, least: int = 0, margin: int = 0, divisor: int = 1) -> Ask:
    return Ask("list:a", Caps(usd), Amounts(least), Amounts(margin), divisor)


def account(*, spent: int = 0, reserved: int = 0, unknown: int = 0, others: int = 0) -> Account:
    return Account(
        name="list:a",
        spent=Amounts(spent),
        reserved=Amounts(reserved),
        unknown=Amounts(unknown),
        holders=others,
    )


def got(hold: Hold | Short) -> tuple[int, int | None]:
    assert isinstance(hold, Hold)
    return hold.reserved.micro_usd, hold.allowed.micro_usd


def test_who_is_alone_gets_all_that_is_free() -> None:
    assert got(granted(ask(100, least=10), account(spent=30), "t.1")) == (70, 70)


def test_who_may_have_company_gets_a_share_and_is_told_of_less() -> None:
    assert got(granted(ask(100, least=10, margin=5, divisor=4), account(), "t.1")) == (25, 20)


def test_a_share_is_never_less_than_what_is_needed() -> None:
    assert got(granted(ask(100, least=40, margin=5, divisor=4), account(), "t.1")) == (40, 35)


def test_the_rest_is_for_one_alone() -> None:
    short = granted(ask(100, least=40), account(reserved=80, others=2), "t.1")
    assert short == Short(account="list:a", kind="usd", for_good=False)
    assert got(granted(ask(100, least=40), account(spent=80), "t.1")) == (20, 20)


def test_what_is_spent_does_not_come_back() -> None:
    for opened in (0, 1):
        short = granted(ask(100), account(spent=100, others=opened), "t.1")
        assert short == Short(account="list:a", kind="usd", for_good=True)


def test_every_kind_is_looked_at() -> None:
    full = Ask("list:a", Caps(None, 100, 5, 1000))
    spent = Account(name="list:a", spent=Amounts(0, 20, 5, 10))
    assert granted(full, spent, "t.1") == Short(account="list:a", kind="turns", for_good=True)


def test_unknown_cost_blocks_only_where_it_is_told_to_and_limited() -> None:
    blocking = ask(100)._replace(block_unknown=True)
    assert isinstance(granted(ask(100), account(unknown=1), "t.1"), Hold)
    assert granted(blocking, account(unknown=1), "t.1") == Short(
        account="list:a", kind="unknown", for_good=True
    )
    only_turns = blocking._replace(caps=Caps(None, None, 5))
    assert isinstance(granted(only_turns, account(unknown=1), "t.1"), Hold)


def test_an_allowance_is_the_tightest_of_all_budgets_and_knows_which() -> None:
    holds = [
        Hold(attempt_id="t.1", account="list:a", reserved=Amounts(), allowed=Caps(50, 9)),
        Hold(attempt_id="t.1", account="day:x", reserved=Amounts(), allowed=Caps(20, None, 3)),
    ]
    allowance = allowance_of(holds)
    assert allowance is not None
    assert allowance.caps == Caps(20, 9, 3, None)
    assert [allowance.which(kind) for kind in ("usd", "tokens", "turns")] == [
        "day.usd",
        "list.tokens",
        "day.turns",
    ]
    assert allowance_of([]) is None


def test_money_is_whole_and_what_cost_something_is_not_nothing() -> None:
    assert caps_of(Budget(usd=0.1, minutes=1.5)) == Caps(100_000, None, None, 90_000)
    assert micro_usd(0.1 + 0.2) == 300_000
    assert micro_usd(1e-9) == 1
    assert micro_usd(0.00000051) == 1


def test_a_list_and_its_tasks_have_budgets() -> None:
    made = task_list(
        {
            "budget": {"usd": 2, "minutes": 60},
            "defaults": {"budget": {"turns": 9}},
            "tasks": ["one", {"prompt": "two", "budget": {"tokens": 5, "unknown_cost": "block"}}],
        },
        workspace="/w",
    )
    assert made.budget == Budget(usd=2.0, minutes=60.0)
    assert [one.budget for one in made.tasks] == [
        Budget(turns=9),
        Budget(tokens=5, unknown_cost="block"),
    ]


@pytest.mark.parametrize(
    ("budget", "where"),
    [
        ({"usd": 0}, "budget.usd"),
        ({"usd": float("nan")}, "budget.usd"),
        ({"tokens": -1}, "budget.tokens"),
        ({"minutes": float("inf")}, "budget.minutes"),
        ({"turns": 1.5}, "budget.turns"),
        ({"unknown_cost": "block"}, "budget"),
        ({"usd": 1, "unknown_cost": "perhaps"}, "budget.unknown_cost"),
        ({"euro": 1}, "budget"),
        (5, "budget"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(budget: object, where: str) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        task_list({"budget": budget, "tasks": ["one"]}, workspace="/w")
    assert refusal.value.where.startswith(where)
    with pytest.raises(InvalidSpec) as refusal:
        task_list([{"prompt": "one", "budget": budget}], workspace="/w")
    assert refusal.value.where.startswith(f"tasks[0].{where}")

from __future__ import annotations

import msgspec
import pytest

from cc_executor.model.budgets import Allowance, Amounts, Caps
from cc_executor.model.evidence import Judgement
from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.outcomes import Claimed, EndedBy, Executed, Outcome, Usage, Verified
from cc_executor.model.spending import charged, exceeded, left_of, used_by

LIMITED = Allowance(Caps(1_000_000, 500, 5, 60_000), ("list:a", "day:d", "task:t", "list:a"))
KNOWN = Outcome(
    state=FAILURES[Failure.MAX_TURNS].state,
    failure=Failure.MAX_TURNS,
    executed=Executed(ended_by=EndedBy.EXIT, exit_code=1, duration_s=90.0, paused_s=30.0),
    claimed=Claimed(num_turns=4, turns_seen=3, tokens_seen=7),
    cost_usd=0.25,
    usage=Usage(input_tokens=100, output_tokens=10, cache_read_tokens=1, cache_write_tokens=2),
)


def ended(failure: Failure, **fields: object) -> Outcome:
    return msgspec.structs.replace(KNOWN, failure=failure, **fields)


def test_what_is_known_is_used() -> None:
    used = used_by(KNOWN)
    assert used.amounts == Amounts(250_000, 113, 4, 60_000)
    assert not any(used.unknown)


def test_what_is_not_known_is_what_was_seen_and_maybe_more() -> None:
    killed = msgspec.structs.replace(
        KNOWN,
        cost_usd=None,
        usage=None,
        claimed=Claimed(turns_seen=3, tokens_seen=7),
        executed=Executed(ended_by=EndedBy.LOST),
    )
    used = used_by(killed)
    assert used.amounts == Amounts(0, 7, 3, 0)
    assert all(used.unknown)


def test_a_judge_counts() -> None:
    judgement = Judgement(ok=True, reason="", tokens=50, turns=2, duration_s=1.5)
    judged = msgspec.structs.replace(KNOWN, verified=Verified(judgement=judgement))
    assert used_by(judged).amounts == Amounts(250_000, 163, 6, 61_500)


def test_who_checks_gets_the_rest_but_never_quite_nothing() -> None:
    assert left_of(LIMITED, KNOWN).caps == Caps(750_000, 387, 1, 1)


@pytest.mark.parametrize(
    ("tokens", "turns", "too_much"), [(0, 0, False), (499, 5, False), (500, 1, True), (1, 6, True)]
)
def test_tokens_end_at_their_limit_and_turns_after_it(
    tokens: int, turns: int, *, too_much: bool
) -> None:
    assert exceeded(LIMITED, tokens=tokens, turns=turns) is too_much


@pytest.mark.parametrize(
    ("outcome", "detail"),
    [
        (ended(Failure.BUDGET, cost_usd=1.25), "list.usd"),
        (ended(Failure.MAX_TURNS, claimed=Claimed(num_turns=6)), "task.turns"),
        (
            ended(
                Failure.TIMED_OUT,
                executed=Executed(ended_by=EndedBy.TIMER, timer="total", duration_s=60.1),
            ),
            "list.minutes",
        ),
        (
            ended(
                Failure.BUDGET,
                executed=Executed(ended_by=EndedBy.BUDGET, duration_s=1.0),
                usage=None,
                claimed=Claimed(tokens_seen=501),
            ),
            "day.tokens",
        ),
        (
            ended(
                Failure.BUDGET,
                executed=Executed(ended_by=EndedBy.BUDGET, duration_s=1.0),
                usage=None,
                claimed=Claimed(turns_seen=6),
            ),
            "task.turns",
        ),
    ],
)
def test_the_end_of_a_budget_names_it(outcome: Outcome, detail: str) -> None:
    told = charged(outcome, LIMITED)
    assert (told.failure, told.detail) == (Failure.BUDGET, detail)
    assert told.state == "failed"


@pytest.mark.parametrize(
    "outcome",
    [
        KNOWN,  # its own `max_turns` was tighter
        ended(Failure.BUDGET),  # its own `--max-budget-usd` was
        ended(Failure.TIMED_OUT, executed=Executed(ended_by=EndedBy.TIMER, timer="idle")),
        ended(Failure.API_ERROR, cost_usd=5.0),
    ],
)
def test_what_ended_for_another_reason_keeps_it(outcome: Outcome) -> None:
    assert charged(outcome, LIMITED) is outcome
    assert charged(outcome, None) is outcome

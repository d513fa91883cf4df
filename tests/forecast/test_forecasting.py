from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cc_executor.forecast.forecasting import Bounds, forecast, forecast_list, remaining
from cc_executor.model.forecasts import Band, Ending, Forecast, Observation, Subject

BOUNDS = Bounds(base_s=60.0, per_token_s=0.05, max_s=14_400.0)
MINE = Subject(agent="claude", kind="fix", digest="d", tokens=3_000)

amounts = st.none() | st.floats(0, 1e6)
subjects = st.builds(
    Subject,
    agent=st.sampled_from(["claude", "command"]),
    kind=st.sampled_from(["", "fix", "test"]),
    digest=st.sampled_from(["", "d", "e"]),
    tokens=st.integers(0, 10**7),
    load=st.none() | st.floats(0, 100),
)
observations = st.builds(
    Observation,
    subject=subjects,
    at=st.floats(0, 1e9),
    duration_s=st.floats(0, 1e6),
    ending=st.sampled_from(["completed", "censored", "failed"]),
    turns=st.none() | st.integers(0, 1_000),
    cost_usd=amounts,
    total_tokens=st.none() | st.integers(0, 10**8),
    max_rss_bytes=st.none() | st.integers(0, 2**40),
)
histories = st.lists(observations, max_size=25)


def observed(
    duration_s: float, at: float = 0.0, ending: Ending = "completed", **fields: Any
) -> Observation:
    subject = msgspec.structs.replace(MINE, **fields.pop("subject", {}))
    return Observation(subject=subject, at=at, duration_s=duration_s, ending=ending, **fields)


def typical(count: int, *, middle_s: float = 100.0, seed: int = 1, **fields: Any) -> list[Any]:
    chance = random.Random(seed)
    return [
        observed(middle_s * chance.lognormvariate(0, 0.4), float(number), **fields)
        for number in range(count)
    ]


# --- laws ----------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(subjects, histories, st.floats(0.5, 1e5), st.floats(0, 1e3))
def test_quantiles_are_in_order_below_the_timeout_and_that_below_the_cap(
    subject: Subject, history: list[Observation], max_s: float, base_s: float
) -> None:
    made = forecast(subject, history, Bounds(base_s=base_s, per_token_s=0.05, max_s=max_s))

    band = made.duration_s
    assert 0 <= band.p50 <= band.p90 <= band.p99 <= made.timeout_s <= max_s
    for other in (made.turns, made.cost_usd, made.total_tokens, made.memory_bytes):
        assert other is None or 0 <= other.p50 <= other.p90 <= other.p99


@settings(max_examples=60, deadline=None)
@given(subjects, histories, st.randoms())
def test_the_order_of_a_history_does_not_matter(
    subject: Subject, history: list[Observation], chance: random.Random
) -> None:
    shuffled = chance.sample(history, len(history))

    assert forecast(subject, shuffled, BOUNDS) == forecast(subject, history, BOUNDS)


@settings(max_examples=60, deadline=None)
@given(histories, st.sampled_from([0.01, 0.5, 3.0, 40.0]))
def test_in_other_units_it_is_the_same_forecast(history: list[Observation], unit: float) -> None:
    history = [one for one in history if one.duration_s > 1]
    scaled = [msgspec.structs.replace(one, duration_s=one.duration_s * unit) for one in history]
    wide = Bounds(base_s=60.0, per_token_s=0.05, max_s=1e12)
    other = Bounds(base_s=60.0 * unit, per_token_s=0.05 * unit, max_s=1e12 * unit)

    one, two = forecast(MINE, history, wide), forecast(MINE, scaled, other)

    assert two.duration_s.p50 == pytest.approx(one.duration_s.p50 * unit, rel=1e-6)
    assert two.duration_s.p99 == pytest.approx(one.duration_s.p99 * unit, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(subjects, histories, st.lists(st.floats(0, 1e6), max_size=20))
def test_failures_teach_nothing(
    subject: Subject, history: list[Observation], failures: list[float]
) -> None:
    failed = [observed(duration_s, 1e9, "failed") for duration_s in failures]

    assert forecast(subject, [*history, *failed], BOUNDS) == forecast(subject, history, BOUNDS)


# --- with little, with nothing -------------------------------------------------------------------


def test_without_history_the_formula_stands_and_says_so() -> None:
    made = forecast(MINE, [], BOUNDS)

    assert made == Forecast(
        duration_s=Band(p50=52.5, p90=105.0, p99=210.0), timeout_s=210.0, method="formula"
    )


def test_each_run_moves_the_forecast_from_the_formula_to_the_history() -> None:
    medians = [forecast(MINE, typical(count), BOUNDS).duration_s.p50 for count in range(30)]
    far = [typical(count, middle_s=3_000.0) for count in (0, 1, 2, 4, 8, 30)]
    moving = [forecast(MINE, history, BOUNDS).duration_s.p50 for history in far]

    assert medians[-1] == pytest.approx(100, rel=0.15)
    assert all(one / 2.5 < two < one * 2.5 for one, two in pairwise(medians))
    assert moving[0] < moving[1] / 2
    assert moving[-1] == pytest.approx(3_000, rel=0.25)


@pytest.mark.parametrize(
    ("subject", "method", "count"),
    [
        (MINE, "history: same prompt", 10),
        (msgspec.structs.replace(MINE, digest="x"), "history: same kind", 12),
        (msgspec.structs.replace(MINE, digest="x", kind="y"), "history: same size", 12),
        (msgspec.structs.replace(MINE, model="m", digest=""), "history: same agent", 12),
        (msgspec.structs.replace(MINE, agent="other"), "history: everything", 12),
    ],
)
def test_the_method_names_the_narrowest_level_with_enough_runs(
    subject: Subject, method: str, count: int
) -> None:
    made = forecast(subject, [*typical(10), *typical(2, subject={"digest": "e"})], BOUNDS)

    assert (made.method, made.observations) == (method, count)


def test_two_runs_are_named_with_the_formula() -> None:
    made = forecast(MINE, typical(2), BOUNDS)

    assert (made.method, made.observations) == ("formula and history", 2)


# --- what is special -----------------------------------------------------------------------------


def test_a_prompt_that_is_known_is_forecast_from_its_own_runs() -> None:
    others = [
        one
        for number in range(20)
        for one in typical(5, middle_s=20.0 * 1.3**number, subject={"digest": f"o{number}"})
    ]
    mine = typical(12, middle_s=900.0)

    made = forecast(MINE, [*others, *mine], BOUNDS)
    new = forecast(msgspec.structs.replace(MINE, digest="x"), [*others, *mine], BOUNDS)

    assert made.duration_s.p50 == pytest.approx(900, rel=0.25)
    assert made.duration_s.p99 / made.duration_s.p50 < new.duration_s.p99 / new.duration_s.p50 / 2


def test_runs_that_were_stopped_make_a_forecast_longer_and_never_shorter() -> None:
    ended = typical(60)
    stopped = [observed(60.0, 30.5, "censored") for _ in range(15)]
    as_if_ended = [observed(60.0, 30.5) for _ in range(15)]

    without = forecast(MINE, ended, BOUNDS).duration_s
    censored = forecast(MINE, [*ended, *stopped], BOUNDS).duration_s
    naive = forecast(MINE, [*ended, *as_if_ended], BOUNDS).duration_s

    assert naive.p50 < without.p50 * 0.97
    assert censored.p50 > without.p50 * 0.97


def test_a_timeout_that_always_stops_its_runs_grows_until_it_does_not() -> None:
    history: list[Observation] = []
    for number in range(12):
        timeout_s = forecast(MINE, history, BOUNDS).timeout_s
        ending: Ending = "completed" if timeout_s > 5_000 else "censored"
        history.append(observed(min(5_000.0, timeout_s), float(number), ending))

    assert history[-1].ending == "completed"


def test_load_stretches_smoothly_and_never_beyond_two() -> None:
    chance = random.Random(1)
    history = []
    for number in range(300):
        load = chance.choice([0.5, 1.0, 2.0, 4.0])
        slow = max(1.0, load) ** 0.4
        history.append(
            observed(
                100 * slow * chance.lognormvariate(0, 0.2), float(number), subject={"load": load}
            )
        )
    loads = [None, 0.0, 1.0, *(1 + step / 10 for step in range(50)), 1e9]
    medians = [
        forecast(msgspec.structs.replace(MINE, load=load), history, BOUNDS).duration_s.p50
        for load in loads
    ]

    assert medians == sorted(medians)
    assert all(two <= one * 1.1 for one, two in pairwise(medians))
    assert 1.5 < medians[-1] / medians[0] <= 2


def test_turns_cost_tokens_and_memory_are_forecast_where_they_are_known() -> None:
    chance = random.Random(1)
    history = [
        observed(
            100.0,
            float(number),
            turns=round(chance.lognormvariate(2, 0.3)),
            cost_usd=chance.lognormvariate(-1, 0.5),
        )
        for number in range(80)
    ]
    made = forecast(MINE, history, BOUNDS)

    assert made.turns is not None
    assert made.cost_usd is not None
    assert made.turns.p50 == pytest.approx(7.4, rel=0.15)
    assert made.cost_usd.p50 == pytest.approx(0.37, rel=0.25)
    assert 0.8 < made.cost_usd.p99 < 2.5
    assert made.total_tokens is made.memory_bytes is None


# --- lists, and what is left ---------------------------------------------------------------------


def test_a_list_takes_less_than_the_sum_of_the_longest() -> None:
    one = forecast(MINE, typical(100), BOUNDS)
    ten = forecast_list([one] * 10)

    assert ten.duration_s.p50 == pytest.approx(10 * one.duration_s.p50, rel=0.2)
    assert ten.duration_s.p99 < 6.5 * one.duration_s.p99
    assert ten.duration_s.p99 <= ten.timeout_s == pytest.approx(10 * one.timeout_s)
    assert (ten.observations, ten.method) == (one.observations, one.method)


def test_what_nobody_has_tried_is_as_uncertain_ten_times() -> None:
    one = forecast(MINE, [], BOUNDS)
    ten = forecast_list([one] * 10)

    assert ten.duration_s.p99 == pytest.approx(10 * one.duration_s.p99, rel=0.05)


def test_a_list_of_one_is_its_task_and_a_list_of_none_is_nothing() -> None:
    one = forecast(MINE, typical(20, cost_usd=1.0), BOUNDS)

    assert forecast_list([one]) == one
    assert forecast_list([]).duration_s == Band(p50=0.0, p90=0.0, p99=0.0)


def test_what_is_unknown_of_a_task_is_unknown_of_its_list() -> None:
    known = forecast(MINE, typical(20, cost_usd=1.0, max_rss_bytes=10**8), BOUNDS)
    unknown = msgspec.structs.replace(known, cost_usd=None)
    whole = forecast_list([known, unknown])

    assert whole.cost_usd is None
    assert whole.memory_bytes is not None
    assert known.memory_bytes is not None
    # The larger of both, not their sum.
    assert known.memory_bytes.p50 <= whole.memory_bytes.p50 < 1.5 * known.memory_bytes.p50


def test_a_run_that_has_not_begun_has_everything_left_and_later_it_has_less() -> None:
    made = forecast(MINE, typical(100), BOUNDS)
    soon = remaining(made, made.duration_s.p50 / 2)

    assert remaining(made, 0.0) == made.duration_s
    assert soon.p50 < made.duration_s.p50
    # It has not ended early, so it ends later than was thought at first.
    assert soon.p50 + made.duration_s.p50 / 2 > made.duration_s.p50

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.forecast.survival import Sample, Survival

values = st.floats(-5, 5)
samples = st.lists(st.builds(Sample, values, st.booleans()), min_size=1, max_size=60).filter(
    lambda many: not all(one.censored for one in many)
)


@given(samples, st.floats(0.01, 0.999), st.floats(0.01, 0.999))
def test_a_higher_level_never_has_a_smaller_quantile(
    many: list[Sample], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    survival = Survival(many)

    assert survival.quantile(low) <= survival.quantile(high) + 1e-9


@given(samples, st.randoms(), st.floats(0.01, 0.999))
def test_the_order_of_samples_does_not_matter(
    many: list[Sample], chance: random.Random, level: float
) -> None:
    shuffled = chance.sample(many, len(many))

    assert Survival(shuffled).quantile(level) == Survival(many).quantile(level)


def test_a_censored_sample_counts_for_the_larger_ones() -> None:
    ends = [Sample(float(number)) for number in range(40)]
    stopped = [Sample(one.value, censored=True) for one in ends[:20:2]]
    rest = [one for one in ends if one not in ends[:20:2]]

    as_if_ended = Survival(ends).quantile(0.5)
    dropped = Survival(rest).quantile(0.5)

    assert as_if_ended < Survival([*rest, *stopped]).quantile(0.5)
    assert Survival([*rest, *stopped]).quantile(0.5) < dropped + 5


def test_the_median_survives_that_a_third_was_stopped_before_its_end() -> None:
    chance = random.Random(1)
    seen = []
    for _ in range(4_000):
        value, stopped = chance.gauss(0, 1), chance.gauss(0.7, 1)
        seen.append(Sample(min(value, stopped), censored=stopped < value))

    naive = sorted(one.value for one in seen)[2_000]
    assert Survival(seen).quantile(0.5) == pytest.approx(0, abs=0.08)
    assert naive < -0.2  # who takes a stop for an end is wrong


@pytest.mark.parametrize("count", [10, 20, 50])
def test_a_hundredth_is_forecast_from_fewer_than_a_hundred(count: int) -> None:
    chance = random.Random(count)
    beyond = highest = 0.0
    rounds = 800
    for _ in range(rounds):
        seen = [chance.gauss(0, 1) for _ in range(count)]
        limit = Survival(map(Sample, seen)).quantile(0.99)
        beyond += math.erfc(limit / math.sqrt(2)) / 2 / rounds
        highest += math.erfc(max(seen) / math.sqrt(2)) / 2 / rounds

    assert 0.001 < beyond < 0.02
    assert highest > 0.9 / (count + 1) > beyond  # the largest that was seen is no p99

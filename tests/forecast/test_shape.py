from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.forecast.shape import Shape, together
from cc_executor.model.forecasts import Band

amounts = st.floats(0, 1e6)
bands = (
    st.lists(amounts, min_size=3, max_size=3)
    .map(sorted)
    .map(lambda three: Band(p50=three[0], p90=three[1], p99=three[2]))
)
LOG_NORMAL = Band(p50=100.0, p90=100 * math.exp(0.6 * 1.28155), p99=100 * math.exp(0.6 * 2.32635))


@given(bands, st.floats(0, 1e9))
def test_what_is_left_is_never_negative_and_in_order(band: Band, elapsed_s: float) -> None:
    left = Shape(band).left_after(elapsed_s)

    assert 0 <= left.p50 <= left.p90 <= left.p99 < math.inf


@pytest.mark.parametrize("elapsed_s", [20, 100, 250, 400])
def test_what_is_left_is_what_those_had_left_that_lasted_so_long(elapsed_s: float) -> None:
    chance = random.Random(1)
    lasted = sorted(
        one - elapsed_s
        for _ in range(400_000)
        if (one := chance.lognormvariate(math.log(100), 0.6)) > elapsed_s
    )
    left = Shape(LOG_NORMAL).left_after(elapsed_s)

    assert left.p50 == pytest.approx(lasted[len(lasted) // 2], rel=0.2)
    assert left.p90 == pytest.approx(lasted[len(lasted) * 9 // 10], rel=0.3)


def test_beyond_its_p99_a_run_is_still_expected_to_take_some_time() -> None:
    left = [Shape(LOG_NORMAL).left_after(LOG_NORMAL.p99 * factor).p50 for factor in (1, 2, 10, 1e4)]

    assert left == sorted(left)
    assert left[0] > 10


@given(st.lists(bands, min_size=1, max_size=5), st.sampled_from([math.fsum, max]))
def test_a_whole_is_never_less_than_one_of_its_parts(
    parts: list[Band], combine: Callable[[list[float]], float]
) -> None:
    whole = together(parts, [0.5] * len(parts), combine)
    for part in parts:
        assert whole.p50 >= part.p50
        assert whole.p90 >= part.p90
        assert whole.p99 >= part.p99


def test_a_sum_has_its_own_quantiles_not_the_sum_of_theirs() -> None:
    chance = random.Random(1)
    sums = sorted(
        sum(chance.lognormvariate(math.log(100), 0.6) for _ in range(10)) for _ in range(20_000)
    )
    whole = together([LOG_NORMAL] * 10, [0.0] * 10, math.fsum)

    assert whole.p50 == pytest.approx(sums[10_000], rel=0.03)
    assert whole.p90 == pytest.approx(sums[18_000], rel=0.03)
    assert whole.p99 == pytest.approx(sums[19_800], rel=0.06)
    assert whole.p99 < 10 * LOG_NORMAL.p99 / 1.8


def test_what_is_wrong_for_all_adds_up() -> None:
    whole = together([LOG_NORMAL] * 10, [1.0] * 10, math.fsum)

    assert whole.p50 == pytest.approx(10 * LOG_NORMAL.p50, rel=0.01)
    assert whole.p99 == pytest.approx(10 * LOG_NORMAL.p99, rel=0.02)

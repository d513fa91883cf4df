from __future__ import annotations

import random

import pytest

from cc_executor.forecast.levels import Drift, Expected, Levels

PRIOR = Expected(3.0, 1.0)


def test_without_examples_the_prior_stands() -> None:
    assert Levels(PRIOR, 2).expect(("all", "mine")) == PRIOR


def test_a_group_of_its_own_wins_over_the_broader_one_with_its_examples() -> None:
    levels = Levels(PRIOR, 2)
    chance = random.Random(1)
    means = []
    for number in range(60):
        levels.learn(("all", f"other-{number % 6}"), number % 6 + chance.gauss(0, 0.2))
    for _ in range(8):
        means.append(levels.expect(("all", "mine")).mean)
        levels.learn(("all", "mine"), 9.0 + chance.gauss(0, 0.2))
    known = levels.expect(("all", "mine"))

    assert means[0] < 4 < means[1]
    assert all(abs(mean - 9) < 1.2 for mean in means[2:])
    assert known.mean == pytest.approx(9.0, abs=0.3)
    assert known.variance < levels.expect(("all", "new")).variance / 5


def test_what_is_of_no_group_at_a_level_takes_the_broader_one() -> None:
    levels = Levels(PRIOR, 2)
    levels.learn(("all", None), 5.0)

    assert levels.expect(("all", None)) == levels.expect(("all", "mine"))
    assert levels.depth(("all", None)) == levels.depth(("all", "mine")) == 1


def test_a_group_forgets_what_is_old() -> None:
    levels = Levels(PRIOR, 1)
    for value in [0.0] * 300 + [2.0] * 150:
        levels.learn(("all",), value)

    assert levels.expect(("all",)).mean > 1.8


def test_what_was_stopped_is_expected_to_have_taken_longer() -> None:
    standard = Expected(0.0, 1.0)

    assert standard.beyond(0.0) == pytest.approx(0.798, abs=0.001)
    assert all(standard.beyond(value) > value for value in (-5.0, 0.0, 5.0, 5.99, 6.01, 50.0))


def test_a_drift_of_all_is_followed_and_chance_is_not() -> None:
    chance = random.Random(1)
    still, moved = Drift(), Drift()
    for _ in range(60):
        score = chance.gauss(0, 1)
        still.learn(score)
        moved.learn(score + 1)

    assert abs(still.correct(PRIOR).mean - 3) < 0.15
    assert moved.correct(PRIOR).mean == pytest.approx(4, abs=0.3)

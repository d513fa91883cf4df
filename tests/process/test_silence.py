"""P12, U2: what is silence, what excuses it, and what a processor in use says about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.process.silence import Silence

BOUND_S = 10.0


def silence(
    *, judged: bool = True, looks: bool = False, bound_s: float | None = BOUND_S
) -> Silence:
    return Silence(bound_s, judged=judged, looks=looks, now=100)


def hold(some: Silence, at: float, why: str | None, hold_s: float | None = None) -> None:
    some.judge(at, upto=0, progress=False, hold=why, hold_s=hold_s)


def progress(some: Silence, at: float) -> None:
    some.judge(at, upto=0, progress=True, hold=None, hold_s=None)


# --- excuses ---------------------------------------------------------------------------------------


def test_an_open_tool_excuses_silence_for_as_long_as_it_is_open() -> None:
    some = silence()

    hold(some, 101, "tool Bash")

    assert some.ends_at() is None


def test_an_excuse_with_a_deadline_is_over_then_though_nobody_takes_it_back() -> None:
    some = silence()

    hold(some, 102, "api retry 1", 30)

    assert some.ends_at() == 102 + 30 + (BOUND_S - 2)


def test_what_passes_between_excuses_adds_up() -> None:
    """A storm of retries is no progress, however long each of them is announced to take."""
    some = silence()

    for number in range(4):
        at = 100 + 25 * number  # 2 s on the way, 23 s announced
        hold(some, at + 2, f"api retry {number}", 23)

    assert some.longest_s(200) == 8
    assert some.ends_at() == 200 + 2


def test_an_excuse_that_is_repeated_lasts_no_longer_for_it() -> None:
    some = silence()

    for at in (100, 101, 102):
        hold(some, at, "api retry 1", 5)

    assert some.ends_at() == 105 + BOUND_S


def test_another_excuse_has_its_own_time() -> None:
    some = silence()

    hold(some, 100, "api retry 1", 5)
    hold(some, 103, "api retry 2", 5)

    assert some.ends_at() == 108 + BOUND_S


def test_progress_under_an_excuse_counts_from_the_excuses_end() -> None:
    some = silence()

    hold(some, 100, "usage limit until 130", 30)
    some.judge(110, upto=0, progress=True, hold="usage limit until 130", hold_s=20)

    assert some.ends_at() == 130 + BOUND_S


def test_an_excuse_that_is_taken_back_early_excuses_only_what_has_passed() -> None:
    some = silence()

    hold(some, 102, "api retry 1", 50)
    hold(some, 105, None)

    assert some.ends_at() == 105 + (BOUND_S - 2)


def test_pings_are_told_apart_from_progress_by_the_engine_alone() -> None:
    some = silence()

    some.output(104, 10)
    assert some.ends_at() == 104 + BOUND_S  # nobody has judged it yet
    some.judge(104.1, upto=10, progress=False, hold=None, hold_s=None)

    assert some.ends_at() == 100 + BOUND_S


# --- signs of life ---------------------------------------------------------------------------------


def test_a_byte_is_a_sign_of_life_unless_an_engine_says_otherwise() -> None:
    plain, agent = silence(judged=False), silence()

    for some in (plain, agent):
        some.output(101, 5)
        assert some.shows_life
    agent.judge(102, upto=5, progress=False, hold=None, hold_s=None)
    assert not agent.shows_life
    progress(agent, 103)

    assert (plain.alive_at, agent.alive_at) == (101, 103)


# --- the processor ---------------------------------------------------------------------------------


def test_the_processor_is_looked_at_early_in_a_silence_and_at_its_end() -> None:
    some = silence(looks=True)

    assert (some.look_at(), some.ends_at()) == (101, None)
    some.looked(101, 5.0)

    assert (some.look_at(), some.ends_at()) == (110, None)


#: Processor seconds used in the window of 9 s, and the end of the silence: None means that it has a
#: whole window more.
USED = {
    "nothing": (0.0, 110),
    "less than can be told": (0.04, 110),
    "less than one percent of a core": (0.089, 110),
    "more than that": (0.1, None),
    "two cores": (18.0, None),
}


@pytest.mark.parametrize("name", USED)
def test_a_silent_tree_is_hung_unless_it_uses_the_processor(name: str) -> None:
    used_s, ends_at = USED[name]
    some = silence(looks=True)
    some.looked(101, 5.0)

    some.looked(110, 5.0 + used_s)

    assert some.ends_at() == ends_at
    assert some.look_at() == (120 if ends_at is None else None)


def test_what_was_used_before_the_silence_says_nothing() -> None:
    some = silence(looks=True)
    some.looked(101, 60.0)
    progress(some, 105)

    assert some.look_at() == 106
    some.looked(106, 90.0)
    some.looked(115, 90.0)

    assert some.ends_at() == 115


def test_a_tree_that_works_and_then_hangs_is_found_a_window_later() -> None:
    some = silence(looks=True)
    some.looked(101, 0.0)
    some.looked(110, 9.0)

    some.looked(120, 9.0)

    assert some.ends_at() == 120
    assert some.longest_s(120) == 10


def test_a_window_that_begins_late_is_long_enough() -> None:
    """Bytes turn out to have been no progress, long after they came."""
    some = silence(looks=True)
    some.output(109, 5)
    some.judge(112, upto=5, progress=False, hold=None, hold_s=None)

    assert some.look_at() == 101  # it is overdue
    some.looked(112, 0.0)

    assert some.look_at() == 112 + BOUND_S / 2


def test_progress_saves_a_tree_that_was_found_hung_in_the_same_moment() -> None:
    some = silence(looks=True)
    some.looked(101, 0.0)
    some.looked(110, 0.0)

    progress(some, 110)

    assert some.ends_at() is None


def test_the_processor_is_not_looked_at_where_nothing_depends_on_it() -> None:
    assert silence(looks=True, bound_s=None).look_at() is None
    held = silence(looks=True)
    hold(held, 100, "tool Bash")

    assert held.look_at() is None


# --- laws ------------------------------------------------------------------------------------------

_STEP = st.tuples(
    st.floats(0.1, 20),
    st.sampled_from((None, "tool", "retry 1", "retry 2")),
    st.one_of(st.none(), st.floats(0.1, 30)),
    st.booleans(),
)


@given(st.lists(_STEP, max_size=30))
def test_a_silence_that_ends_has_lasted_exactly_its_bound(
    steps: list[tuple[float, str | None, float | None, bool]],
) -> None:
    some = silence()
    now = 100.0
    for passed_s, why, hold_s, counts in steps:
        ends_at = some.ends_at()
        if ends_at is not None and ends_at <= now + passed_s:
            break
        now += passed_s
        some.judge(now, upto=0, progress=counts, hold=why, hold_s=hold_s)

    ends_at = some.ends_at()

    if ends_at is not None:
        assert some.longest_s(ends_at) == pytest.approx(BOUND_S)


@given(
    st.lists(
        st.tuples(st.floats(0.1, 5), st.floats(0, 10), st.booleans()), min_size=1, max_size=40
    ),
)
def test_a_tree_without_progress_and_processor_always_ends(
    steps: list[tuple[float, float, bool]],
) -> None:
    """Whatever came before: after it, no more than a window and a half passes."""
    some = silence(looks=True)
    now, cpu_s, head = 100.0, 0.0, 0
    for passed_s, used_s, counts in steps:
        now, cpu_s, head = now + passed_s, cpu_s + used_s, head + 1
        some.output(now, head)
        some.judge(now, upto=head, progress=counts, hold=None, hold_s=None)
        some.looked(now, cpu_s)

    gives_up_at = now + 1.5 * BOUND_S + 0.001
    while (at := some.look_at()) is not None:
        now = max(now, at)
        assert now <= gives_up_at
        some.looked(now, cpu_s)
    ends_at = some.ends_at()

    assert ends_at is not None
    assert ends_at <= gives_up_at

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.model.timers import TIMERS, Timing
from cc_executor.process.order import Timers
from cc_executor.process.timers import (
    CAP,
    FIRST_BYTE,
    GRACE,
    IDLE,
    LOOK,
    ORPHAN,
    PAUSED,
    START,
    TOTAL,
    Clocks,
)

NONE = Timers(
    total_s=None,
    start_s=None,
    first_byte_s=None,
    idle_s=None,
    grace_s=10,
    cap_s=None,
    max_paused_s=None,
    orphan_grace_s=600,
)


def clocks(*, judged: bool = False, **bounds: float) -> Clocks:
    return Clocks(NONE._replace(**bounds), judged=judged, now=100)


def judge(
    some: Clocks,
    now: float,
    *,
    upto: int,
    progress: bool = False,
    hold: str | None = None,
    hold_s: float | None = None,
    finished: bool = False,
) -> None:
    some.judge(now, upto=upto, progress=progress, hold=hold, hold_s=hold_s, finished=finished)


def test_no_timer_runs_that_has_no_bound() -> None:
    assert clocks().next_expiry() is None


@pytest.mark.parametrize(
    ("bound", "timer"),
    [
        ("total_s", TOTAL),
        ("start_s", START),
        ("first_byte_s", FIRST_BYTE),
        ("idle_s", IDLE),
        ("cap_s", CAP),
    ],
)
def test_a_timer_ends_when_its_bound_is_over(bound: str, timer: str) -> None:
    some = Clocks(NONE._replace(**{bound: 5}), judged=False, now=100)

    assert some.expired(104.9) is None
    assert some.expired(105) == timer
    assert some.next_expiry() == (105, timer)


def test_the_start_timer_ends_with_the_first_byte() -> None:
    some = clocks(start_s=5)

    some.output(104, 1)

    assert some.next_expiry() is None


def test_an_agent_that_says_nothing_of_its_own_has_not_started() -> None:
    some = clocks(judged=True, start_s=5, first_byte_s=3)

    some.output(102, 9)
    judge(some, 102, upto=9)
    assert some.next_expiry() == (105, START)
    judge(some, 103, upto=9, progress=True)

    assert some.next_expiry() is None


def test_every_byte_is_progress_when_nobody_judges() -> None:
    some = clocks(idle_s=5)

    some.output(104, 1)
    some.output(108, 2)

    assert some.next_expiry() == (113, IDLE)


def test_bytes_that_nobody_has_judged_yet_are_progress() -> None:
    some = clocks(judged=True, idle_s=5)

    some.output(104, 10)

    assert some.next_expiry() == (109, IDLE)


def test_bytes_that_were_judged_to_be_none_are_no_progress() -> None:
    some = clocks(judged=True, idle_s=5)

    some.output(104, 10)
    judge(some, 104.1, upto=10)

    assert some.next_expiry() == (105, IDLE)


def test_bytes_behind_those_that_were_judged_are_progress() -> None:
    some = clocks(judged=True, idle_s=5)

    some.output(103, 10)
    some.output(104, 20)
    judge(some, 104.1, upto=10)

    assert some.next_expiry() == (109, IDLE)


def test_an_old_judgement_does_not_undo_a_newer_one() -> None:
    some = clocks(judged=True, idle_s=5)
    some.output(104, 20)
    judge(some, 104.1, upto=20)

    judge(some, 104.2, upto=10)

    assert some.next_expiry() == (105, IDLE)


def test_progress_that_the_engine_tells_starts_the_idle_timer_anew() -> None:
    some = clocks(judged=True, idle_s=5)

    some.output(104, 10)
    judge(some, 104.5, upto=10, progress=True)

    assert some.next_expiry() == (109.5, IDLE)


def test_a_hold_suspends_the_idle_timer_and_its_end_starts_it_anew() -> None:
    some = clocks(judged=True, idle_s=5)

    judge(some, 101, upto=0, hold="tool")
    assert some.next_expiry() is None
    judge(some, 200, upto=0, hold=None)

    assert some.next_expiry() == (204, IDLE)


def test_the_grace_timer_starts_when_the_work_is_finished_and_only_once() -> None:
    some = clocks(judged=True, idle_s=50, grace_s=7)

    judge(some, 101, upto=0, finished=True)
    judge(some, 105, upto=0, finished=True)

    assert some.next_expiry() == (108, GRACE)


def test_the_grace_timer_stops_when_the_work_goes_on() -> None:
    some = clocks(judged=True, grace_s=7)

    judge(some, 101, upto=0, finished=True)
    judge(some, 102, upto=0, finished=False)

    assert some.next_expiry() is None


def test_the_orphan_timer_runs_while_no_engine_attends() -> None:
    some = clocks(orphan_grace_s=3)

    some.attended(101, by_engine=False)
    some.attended(102, by_engine=False)
    assert some.next_expiry() == (104, ORPHAN)
    some.attended(103, by_engine=True)

    assert some.next_expiry() is None


def test_an_orphan_grace_of_zero_is_over_at_once() -> None:
    some = clocks(orphan_grace_s=0)

    some.attended(101, by_engine=False)

    assert some.expired(101) == ORPHAN


def test_a_pause_stops_all_clocks_but_the_orphan_one() -> None:
    some = clocks(total_s=5, start_s=5, idle_s=5, orphan_grace_s=50)
    some.attended(101, by_engine=False)

    some.pause(102)

    assert some.next_expiry() == (151, ORPHAN)
    assert some.paused


def test_no_pause_makes_an_attempt_immortal() -> None:
    some = clocks(total_s=5, max_paused_s=30)

    some.pause(102)
    some.resume(112)
    some.pause(113)

    assert some.next_expiry() == (133, PAUSED)


def test_the_hard_cap_counts_everything() -> None:
    some = clocks(total_s=50, cap_s=60)

    some.pause(101)
    assert some.next_expiry() == (160, CAP)
    some.resume(159)

    assert some.next_expiry() == (160, CAP)


def test_the_processor_is_looked_at_while_the_agent_is_silent_and_not_in_a_pause() -> None:
    some = Clocks(NONE._replace(idle_s=10), judged=True, now=100, looks=True)

    assert some.next_expiry() == (101, LOOK)
    some.pause(100.5)
    assert some.next_expiry() is None
    some.resume(200.5)
    assert some.next_expiry() == (201, LOOK)
    some.looked(201, 3.0)
    some.looked(210, 3.0)

    assert some.expired(210) == IDLE


def test_after_a_pause_as_much_time_is_left_as_before() -> None:
    some = clocks(total_s=5)

    some.pause(102)
    some.pause(103)
    some.resume(202)
    some.resume(203)

    assert some.next_expiry() == (205, TOTAL)
    assert some.paused_s(203) == 100
    assert not some.paused


def test_what_arrives_in_a_pause_counts_as_if_it_came_at_its_beginning() -> None:
    some = clocks(idle_s=5)

    some.pause(102)
    some.output(150, 1)
    some.resume(202)

    assert some.next_expiry() == (207, IDLE)


def test_the_timer_that_ends_first_is_the_one_that_has_expired() -> None:
    some = clocks(total_s=50, start_s=6, idle_s=7)

    assert some.expired(1000) == START


@given(st.lists(st.tuples(st.floats(0.1, 50), st.floats(0.1, 50)), max_size=5), st.floats(1, 500))
def test_pauses_shift_the_end_by_exactly_their_length(
    stretches: list[tuple[float, float]], total_s: float
) -> None:
    some = clocks(total_s=total_s)
    now = 100.0
    for running, paused in stretches:
        now += running
        some.pause(now)
        now += paused
        some.resume(now)

    expiry = some.next_expiry()

    assert expiry is not None
    paused_s = sum(paused for _, paused in stretches)
    assert expiry.at == pytest.approx(100 + total_s + paused_s)


# --- what is told of them ----------------------------------------------------------------------------


def table(some: Clocks, now: float, expired: str | None = None) -> dict[str, Timing]:
    return {
        timing.name: timing
        for timing in msgspec.convert(some.table(now, expired), tuple[Timing, ...])
    }


def test_every_timer_is_told_of_in_the_order_of_the_model() -> None:
    assert ["queue", *table(clocks(), 100)] == list(TIMERS)


def test_each_timer_says_how_long_it_ran_and_what_its_bound_was() -> None:
    some = clocks(judged=True, total_s=60, start_s=20, idle_s=30, cap_s=90, max_paused_s=30)
    some.output(102, 5)
    judge(some, 103, upto=5, progress=True)
    some.pause(104)
    some.resume(109)
    judge(some, 120, upto=5, progress=True)
    some.attended(121, by_engine=False)
    some.attended(124, by_engine=True)
    judge(some, 125, upto=5, progress=True, finished=True)

    told = table(some, 127)

    assert {name: (timing.ran_s, timing.bound_s) for name, timing in told.items()} == {
        "start": (3, 20),
        "first_byte": (2, None),
        "idle": (12, 30),  # 103 to 120 without the pause
        "grace": (2, 10),
        "total": (22, 60),
        "cap": (27, 90),
        "paused": (5, 30),
        "orphan": (3, 600),
    }
    assert not any(timing.expired for timing in told.values())


def test_the_timer_that_brought_the_end_says_so() -> None:
    some = clocks(total_s=5)

    told = table(some, 105, TOTAL)

    assert [name for name, timing in told.items() if timing.expired] == [TOTAL]


def test_what_never_happened_took_until_the_end() -> None:
    told = table(clocks(judged=True), 107)

    assert (told["start"].ran_s, told["first_byte"].ran_s, told["grace"].ran_s) == (7, 7, 0)

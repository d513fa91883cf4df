from __future__ import annotations

import msgspec
import pytest

from cc_executor.cli.render.marks import MARKS, sign
from cc_executor.cli.render.wording import (
    against,
    brief,
    changes,
    clock_time,
    counted,
    duration,
    expected,
    harmless,
    instant,
    money,
    one_line,
    until,
    why,
)
from cc_executor.model.failures import Failure
from cc_executor.model.forecasts import Band
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Changes
from cc_executor.model.progress import Progress
from tests.cli.fakes import outcome

DURATIONS = [
    (None, "-"),
    (-1.0, "0.0 s"),
    (0.04, "0.0 s"),
    (9.96, "10.0 s"),
    (41.2, "41 s"),
    (185.0, "3 min 05 s"),
    (3599.6, "1 h 00 min"),
    (7620.0, "2 h 07 min"),
    (3 * 86_400 + 4 * 3600, "3 d 4 h"),
]


@pytest.mark.parametrize(("seconds", "words"), DURATIONS, ids=str)
def test_durations_have_units(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


BRIEF = [
    (-1.0, "0s"),
    (9.96, "9s"),
    (59.9, "59s"),
    (60.0, "1m00s"),
    (185.0, "3m05s"),
    (7620.0, "2h07m"),
    (3 * 86_400 + 4 * 3600, "3d4h"),
]


@pytest.mark.parametrize(("seconds", "words"), BRIEF, ids=str)
def test_what_grows_while_it_is_read_is_short(seconds: float, words: str) -> None:
    assert brief(seconds) == words


BANDS = [
    (0.2, 0.4, "1s"),
    (20.0, 50.0, "20s..50s"),
    (50.0, 200.0, "50s..3m"),
    (180.0, 420.0, "3m..7m"),
    (175.0, 190.0, "3m"),
    (3000.0, 9000.0, "50m..2h30m"),
]


@pytest.mark.parametrize(("p50", "p90", "words"), BANDS, ids=str)
def test_a_forecast_is_told_no_finer_than_it_is(p50: float, p90: float, words: str) -> None:
    band = Band(p50=p50, p90=p90, p99=p90)

    assert expected(band, observations=9) == words
    assert expected(band, observations=0) == f"~{words}"


def test_how_long_a_task_has_run_is_told_of_what_it_takes() -> None:
    running = Progress(task_id="e.1", name="api", state=TaskState.RUNNING, running_s=65.0)
    band = Band(p50=180.0, p90=420.0, p99=900.0)

    assert against(running) == "1m05s"
    assert against(msgspec.structs.replace(running, band=band)) == "1m05s of ~3m..7m"
    assert against(msgspec.structs.replace(running, band=band, observations=9)) == "1m05s of 3m..7m"


def test_how_long_something_waits_is_told_as_near_as_it_helps() -> None:
    assert until(None, 0.0) == ""
    assert until(4.9, 0.0) == " (4 s more)"
    assert until(0.0, 9.0) == " (0 s more)"
    assert until(3600.0, 0.0) == f" (until {clock_time(3600.0)})"
    assert until(90_000.0, 0.0) == f" (until {instant(90_000.0)})"


def test_unknown_costs_are_not_zero() -> None:
    assert money(0.0) == "$0.0000"
    assert money(None) == "cost unknown"


def test_one_is_singular() -> None:
    assert [counted(count, "task") for count in (0, 1, 2)] == ["0 tasks", "1 task", "2 tasks"]


@pytest.mark.parametrize(
    "command",
    ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\r", "\x00", "\u202eexe.txt", "\u2066", "\ud800"],
    ids=ascii,
)
def test_text_of_strangers_cannot_command_the_terminal(command: str) -> None:
    shown = harmless(f"before{command}after")

    assert command not in shown
    assert shown.startswith("before\ufffd")
    assert shown.endswith("after")
    assert len(shown) == len(f"before{command}after")


def test_harmless_text_stays_as_it_is() -> None:
    text = "Zeile\n\tEinzug\n👩\u200d💻 ✓"

    assert harmless(text) == text


def test_one_line_is_the_first_that_says_something() -> None:
    assert one_line("\n  \n  a \t b\nc") == "a b"
    assert one_line("") == ""
    assert one_line("x" * 300, 10) == "xxxxxxxxx…"


def test_changes_are_counted_by_kind() -> None:
    assert changes(Changes()) == ""
    seen = Changes(created=("a", "b"), modified=("c",), deleted=("d",))
    assert changes(seen) == "2 files created, 1 modified, 1 deleted"
    assert changes(Changes(deleted=("d",))) == "1 file deleted"


def test_why_names_the_failure_and_which_kind_of_it() -> None:
    timed_out = outcome(TaskState.TIMED_OUT, Failure.TIMED_OUT, detail="idle", message="after 9 s")
    failed = outcome(TaskState.FAILED, Failure.NO_RESULT)

    assert why(timed_out) == "timed_out (idle): after 9 s"
    assert why(failed) == "no_result"


def test_every_state_has_a_mark_in_both_alphabets() -> None:
    assert set(MARKS) == set(TaskState)
    for state in TaskState:
        assert len(sign(state, "utf-8")) == 1
        assert sign(state, "latin-1").isascii()

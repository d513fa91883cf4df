from __future__ import annotations

import os
import signal

import msgspec
import pytest

from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.model.timers import TIMERS
from cc_executor.ports.process import StopReason
from cc_executor.process import endings
from cc_executor.process.endings import Cause, how_it_exited, timer_of


def test_every_word_for_an_end_is_the_models() -> None:
    words = {
        endings.EXIT,
        endings.TIMER,
        endings.CANCEL,
        endings.GRACE,
        endings.ORPHANED,
        endings.LIMIT,
        endings.BUDGET,
        endings.NOT_STARTED,
        endings.LOST,
    }

    assert words == {str(word) for word in EndedBy}
    assert {str(reason) for reason in StopReason} <= words


def test_every_fact_about_an_end_is_a_field_of_the_models() -> None:
    assert set(Cause._fields) <= set(Executed.__struct_fields__)


def test_what_ended_it_tells_a_timer_from_everything_else() -> None:
    assert timer_of(endings.EXPIRY["grace"]) == "grace"
    assert timer_of(endings.SIGNALLED) is None
    assert timer_of(None) is None


def test_every_timer_has_an_end() -> None:
    assert set(endings.EXPIRY) == TIMERS.keys() - {"queue"}  # the engine's
    for cause in endings.EXPIRY.values():
        msgspec.convert(
            {name: value for name, value in cause._asdict().items() if value is not None}, Executed
        )


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (0, {"exit_code": 0}),
        (7 << 8, {"exit_code": 7}),
        (255 << 8, {"exit_code": 255}),
        (int(signal.SIGKILL), {"signal": "SIGKILL"}),
        (int(signal.SIGSEGV) | 0x80, {"signal": "SIGSEGV"}),
        (int(signal.SIGRTMIN) + 3, {"signal": f"SIG{int(signal.SIGRTMIN) + 3}"}),
    ],
)
def test_a_wait_status_is_an_exit_code_or_a_signal_never_both(
    raw: int, seen: dict[str, object]
) -> None:
    assert os.WIFEXITED(raw) or os.WIFSIGNALED(raw)
    assert how_it_exited(raw) == seen

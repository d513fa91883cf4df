from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from cc_executor.cli.exits import Exit
from cc_executor.cli.running import Interrupts, run

BOUND_S = 5
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_command_exits_as_it_says() -> None:
    async def command(_: Interrupts) -> Exit:
        return Exit.LIMIT

    assert run(command) is Exit.LIMIT


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_a_command_that_nobody_takes_care_of(number: signal.Signals) -> None:
    cleaned = []

    async def command(_: Interrupts) -> Exit:
        try:
            os.kill(os.getpid(), number)
            await asyncio.sleep(BOUND_S)
        finally:
            cleaned.append(True)
        return Exit.DONE

    assert run(command) is Exit.INTERRUPTED
    assert cleaned == [True]


def test_who_has_taken_the_responsibility_is_told_how_often() -> None:
    told: asyncio.Queue[int] = asyncio.Queue()

    async def command(interrupts: Interrupts) -> Exit:
        with interrupts.handled_by(told.put_nowait):
            for count in (1, 2):
                os.kill(os.getpid(), signal.SIGINT)
                assert await asyncio.wait_for(told.get(), BOUND_S) == count
        return Exit.CANCELLED

    assert run(command) is Exit.CANCELLED


def test_the_responsibility_goes_back_when_it_is_given_up() -> None:
    interrupts = Interrupts()
    told: list[str] = []
    with interrupts.handled_by(lambda _: told.append("outer")):
        with interrupts.handled_by(lambda _: told.append("inner")):
            interrupts.arrived()
        interrupts.arrived()
    interrupts.arrived()

    assert told == ["inner", "outer"]
    assert interrupts.count == 3


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async def command(_interrupts: Interrupts) -> Exit:
        os.kill(os.getpid(), signal.SIGHUP)
        for _ in range(100):  # more than a handler would need
            await asyncio.sleep(0)
        return Exit.DONE

    assert run(command) is Exit.DONE


def test_an_error_of_the_command_is_the_callers() -> None:
    async def command(_: Interrupts) -> Exit:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run(command)

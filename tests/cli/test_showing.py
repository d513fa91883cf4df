from __future__ import annotations

import asyncio
import threading

import pytest

from cc_executor.cli.render.showing import Showing

BOUND_S = 5


async def test_what_is_shown_is_shown_in_order_and_off_the_loop() -> None:
    showing = Showing()
    seen: list[tuple[int, str]] = []

    for number in range(3):
        await showing.call(
            lambda value: seen.append((value, threading.current_thread().name)), number
        )
    showing.close()

    assert seen == [(0, "view"), (1, "view"), (2, "view")]


async def test_what_goes_wrong_is_raised_where_it_was_asked_for() -> None:
    showing = Showing()

    def fail() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await showing.call(fail)
    await showing.call(lambda: None)  # and the thread goes on
    showing.close()


async def test_a_reader_who_stands_still_does_not_hold_the_loop() -> None:
    showing = Showing()
    reads = threading.Event()
    showing_it = asyncio.ensure_future(showing.call(lambda: reads.wait(BOUND_S)))

    for _ in range(100):
        await asyncio.sleep(0)
    assert not showing_it.done()

    reads.set()
    await asyncio.wait_for(showing_it, BOUND_S)
    showing.close()


async def test_a_call_that_nobody_waits_for_any_more_disturbs_nobody() -> None:
    showing = Showing()
    reads = threading.Event()
    abandoned = asyncio.ensure_future(showing.call(lambda: reads.wait(BOUND_S)))
    await asyncio.sleep(0)
    abandoned.cancel()
    reads.set()

    await asyncio.wait_for(showing.call(lambda: None), BOUND_S)
    assert abandoned.cancelled()
    showing.close()

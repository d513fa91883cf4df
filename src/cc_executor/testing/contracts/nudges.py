"""What `ports.nudges.Nudges` promises."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from cc_executor.ports.nudges import Nudges

#: Returns what one more engine, or one more caller, has; all of a test's reach each other.
MakeNudges = Callable[[], Nudges]

_BOUND_S = 10.0
_MANY = 5_000


class Sleeper:
    """Counts how often it was woken, and by whom."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.count = 0
        self.threads: set[int] = set()
        self.loops: set[asyncio.AbstractEventLoop] = set()

    def wake(self) -> None:
        """Be woken."""
        self.count += 1
        self.threads.add(threading.get_ident())
        self.loops.add(asyncio.get_running_loop())
        self.woken.set()

    async def is_woken(self) -> None:
        """Return when it has been; be asleep again."""
        async with asyncio.timeout(_BOUND_S):
            await self.woken.wait()
        self.woken.clear()


class NudgesContract:
    """Subclass it and give it a fixture `make_nudges`: a `MakeNudges`. The suite closes them."""

    @pytest.fixture
    async def nudges(self, make_nudges: MakeNudges) -> AsyncIterator[MakeNudges]:
        made: list[Nudges] = []

        def make() -> Nudges:
            made.append(make_nudges())
            return made[-1]

        yield make
        for one in made:
            one.close()

    async def test_whoever_listens_is_woken_on_its_own_loop(self, nudges: MakeNudges) -> None:
        sleeper = Sleeper()
        nudges().listen("engine", sleeper.wake)

        nudges().nudge("engine")

        await sleeper.is_woken()
        assert sleeper.threads == {threading.get_ident()}
        assert sleeper.loops == {asyncio.get_running_loop()}

    async def test_it_is_woken_again_and_again(self, nudges: MakeNudges) -> None:
        sleeper, caller = Sleeper(), nudges()
        nudges().listen("engine", sleeper.wake)

        for _ in range(20):
            caller.nudge("engine")
            await sleeper.is_woken()

    async def test_an_engine_may_nudge_itself(self, nudges: MakeNudges) -> None:
        sleeper, own = Sleeper(), nudges()
        own.listen("engine", sleeper.wake)

        own.nudge("engine")

        await sleeper.is_woken()

    async def test_only_who_was_meant_is_woken(self, nudges: MakeNudges) -> None:
        meant, other, caller = Sleeper(), Sleeper(), nudges()
        nudges().listen("engine", meant.wake)
        nudges().listen("engine-2", other.wake)

        caller.nudge("engine")
        await meant.is_woken()
        caller.nudge("engine-2")
        await other.is_woken()

        assert (meant.count, other.count) == (1, 1)

    async def test_nobody_can_be_nudged(self, nudges: MakeNudges) -> None:
        caller = nudges()
        caller.nudge("engine")
        sleeper = Sleeper()
        nudges().listen("other", sleeper.wake)
        caller.nudge("engine")

        caller.nudge("other")
        await sleeper.is_woken()
        assert sleeper.count == 1

    async def test_a_nudge_for_who_has_stopped_listening_is_lost(self, nudges: MakeNudges) -> None:
        sleeper, gone, caller = Sleeper(), nudges(), nudges()
        gone.listen("engine", sleeper.wake)
        gone.close()

        caller.nudge("engine")

        other = Sleeper()
        nudges().listen("other", other.wake)
        caller.nudge("other")
        await other.is_woken()  # by now the first one would have been, too
        assert sleeper.count == 0

    async def test_closing_twice_or_without_having_listened_does_nothing(
        self, nudges: MakeNudges
    ) -> None:
        never, once = nudges(), nudges()
        once.listen("engine", lambda: None)
        for one in (never, once, once, never):
            one.close()

    async def test_so_many_nudges_that_nobody_heeds_block_nobody_and_wake_in_the_end(
        self, nudges: MakeNudges
    ) -> None:
        sleeper, caller = Sleeper(), nudges()
        nudges().listen("engine", sleeper.wake)

        for _ in range(_MANY):  # while this runs nobody reads them
            caller.nudge("engine")

        await sleeper.is_woken()
        assert 1 <= sleeper.count <= _MANY
        while sleeper.count:  # what was left over is woken for, then it is quiet
            sleeper.count = 0
            for _ in range(10):
                await asyncio.sleep(0)
        caller.nudge("engine")
        await sleeper.is_woken()

    async def test_whoever_nudges_needs_no_loop(self, nudges: MakeNudges) -> None:
        sleeper, caller = Sleeper(), nudges()
        nudges().listen("engine", sleeper.wake)

        await asyncio.to_thread(caller.nudge, "engine")

        await sleeper.is_woken()
        assert sleeper.threads == {threading.get_ident()}

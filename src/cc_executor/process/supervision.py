"""Supervised processes, for an engine: starts attempts and finds them again."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

from cc_executor.errors import PlatformUnsupported, SpawnFailed
from cc_executor.journal.crash_points import reach
from cc_executor.model.launch import Launch
from cc_executor.model.outcomes import Executed
from cc_executor.process import launching, settle
from cc_executor.process.attending import Attended
from cc_executor.process.standby import MAX_ORDER_BYTES
from cc_executor.process.stock import Stock

_BEGIN_S: Final = 30.0


class ProcessSupervision:
    """Implements `ports.process.Supervision` with real processes. Belongs to one event loop.

    Raises:
        PlatformUnsupported: This system has no processes that could be supervised.
    """

    def __init__(self) -> None:
        if sys.platform == "win32":
            raise PlatformUnsupported("Windows")
        self._stock = Stock()

    async def warm(self) -> None:
        """Start the spawner ahead of need: the first attempt is then as quick as the others."""
        await self._stock.warm()

    async def start(self, launch: Launch, folder: Path) -> Attended:
        """Write the attempt folder and start its supervisor and child.

        Returns when the child runs, or has already ended.

        Raises:
            SpawnFailed: No supervisor could be started; no child exists.
        """
        return await self._begin(await self._prime(launch, folder), folder)

    async def start_when(
        self, permitted: asyncio.Future[bool], launch: Launch, folder: Path
    ) -> Attended | None:
        """Do the same as soon as that is permitted; what can be done before, is done meanwhile.

        Returns:
            None when it was not permitted: no child exists, nor ever will.

        Raises:
            SpawnFailed: It was permitted, and no supervisor could be started; no child exists.
            Exception: Whatever `permitted` raises; no child exists.
        """
        try:
            attempt = await self._prime(launch, folder)
        except SpawnFailed:
            if await permitted:
                raise
            return None
        try:
            is_permitted = await permitted
        except BaseException:
            await attempt.drop()
            raise
        if is_permitted:
            return await self._begin(attempt, folder)
        await attempt.drop()
        return None

    async def _prime(self, launch: Launch, folder: Path) -> Attended:
        """Have a supervisor ready that waits for the word to start."""
        order = launching.order(launch, folder)
        if len(order) > MAX_ORDER_BYTES:
            raise SpawnFailed(f"arguments and environment of {len(order)} bytes are too many")
        wire = await self._stock.take()
        attempt = Attended(folder, self._stock)
        attempt.prime(wire, order)
        try:
            await asyncio.to_thread(launching.write_folder, launch, folder)
        except OSError as error:
            await attempt.drop()
            raise SpawnFailed(f"its folder cannot be written: {error}") from error
        except BaseException:
            await attempt.drop()
            raise
        reach("client.folder_written")
        return attempt

    async def _begin(self, attempt: Attended, folder: Path) -> Attended:
        try:
            problem = await _begin(attempt, folder)
        except BaseException:
            await attempt.aclose()
            raise
        finally:
            self._stock.replenish()
        if problem is not None:
            await attempt.aclose()
            raise SpawnFailed(problem)
        return attempt

    async def adopt(self, folder: Path) -> Attended | Executed | None:
        """Take up an attempt of which the store says that it was to be started.

        Returns:
            The running attempt; or what was seen of its end (`EndedBy.LOST` when its supervisor
            died unseen: what was left of its tree is gone when this returns); or None when it was
            never started, in which case it is made sure that it never will be.

        Raises:
            NotResponding: Its supervisor lives and does not answer within 10 s.
        """
        found = await asyncio.to_thread(settle.settle, folder)
        if found is not settle.ALIVE:
            return found
        attempt = Attended(folder)
        try:
            return await attempt.take_up() or attempt
        except BaseException:
            await attempt.aclose()
            raise

    async def aclose(self) -> None:
        """Stop the spawner. Running attempts live on for their orphan grace."""
        await self._stock.aclose()


async def _begin(attempt: Attended, folder: Path) -> str | None:
    """Give the word; return None when there is a child, else why there is none."""
    try:
        async with asyncio.timeout(_BEGIN_S):
            return await attempt.begin()
    except TimeoutError:
        if await asyncio.to_thread(settle.settle, folder) is None:
            return f"its supervisor did nothing for {_BEGIN_S:g} s"
        return None  # it has the attempt, and is slow to execute: the timers see to it

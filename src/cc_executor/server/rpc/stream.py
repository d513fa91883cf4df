"""One stream on its way out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from cc_executor.model.events import Cursor
from cc_executor.model.principals import Principal
from cc_executor.model.progress import Progress
from cc_executor.model.sessions import Subscription
from cc_executor.protocol.framing import Framer, Notice, Sent
from cc_executor.protocol.notifications import PROGRESS, StreamLagged, TaskProgress
from cc_executor.protocol.pacing import Pace
from cc_executor.server.desk import Desk
from cc_executor.server.pacing import with_pauses
from cc_executor.server.rpc.outlet import Outlet

#: A message of output that the peer does not take within this time is let go, with all that was
#: read for it. When the peer takes something again, it is read again.
_PATIENCE_S: Final = 1.0
#: Batches this small in quick succession are worth a moment's wait: they then come together.
_SMALL_BYTES: Final = 4 * 1024
_QUICK_S: Final = 0.005
_AFTER: Final = 3

_MAY_BE_LET_GO: Final = frozenset({"process.output", "agent.event"})


class Stream:
    """Sends what happens, from a cursor on. A peer that does not read costs a cursor.

    Args:
        name: Of the subscription.
        subscription: What is followed, and from where.
        agent_events: Whether to read the output as well as pass it on.
        until_end: Go on until the execution has ended.
        binary: Whether output is sent in binary messages.

    Attributes:
        acknowledged: What is followed, up to where the reader has acknowledged.
        cursor: How far it was sent.
        sent_at: When something was, by the monotonic clock.
        is_idle: Whether everything that was there has been sent.
    """

    def __init__(
        self,
        name: str,
        subscription: Subscription,
        *,
        agent_events: bool,
        until_end: bool,
        binary: bool,
    ) -> None:
        self.name = name
        self.acknowledged = subscription
        self.until_end = until_end
        self.cursor = subscription.cursor
        self.sent_at = time.monotonic()
        self.is_idle = False
        self._of = subscription
        self._agent_events = agent_events
        self._binary = binary
        self._sent = Sent()
        self._in_succession = 0

    def acknowledge(self, cursor: Cursor) -> None:
        """Note that the reader has dealt with everything before the cursor."""
        self.acknowledged = msgspec.structs.replace(self._of, cursor=cursor)

    async def send_all(self, who: Principal, desk: Desk, outlet: Outlet) -> None:
        """Send everything until the end.

        Raises:
            CCExecutorError: It cannot be read any more.
        """
        while not await self._send(who, desk, outlet):
            await self._say_lagged(who, desk, outlet)  # waits until the peer reads again

    async def _send(self, who: Principal, desk: Desk, outlet: Outlet) -> bool:
        """Send; False when the peer did not take it."""
        framer = Framer(
            self.name,
            self._of.execution_id,
            after=self.cursor,
            task_id=self._of.task_id,
            sent=self._sent,
            binary=self._binary,
        )
        pace = await self._pace(who, desk)
        batches = await desk.follow(
            who,
            self._of.execution_id,
            after=self.cursor,
            agent_events=self._agent_events,
            until_end=self.until_end,
            seen=pace.take if pace is not None else None,
        )
        async with contextlib.aclosing(batches):
            async for batch in batches if pace is None else with_pauses(batches, pace):
                self.is_idle = False
                size = 0
                for event in batch:
                    for notice in framer.feed(event):
                        if (sent := await self._out(notice, outlet)) is None:
                            return False
                        size += sent
                for notice in framer.flush():
                    if (sent := await self._out(notice, outlet)) is None:
                        return False
                    size += sent
                self.is_idle = True
                if pace is not None:
                    await self._say_progress(pace.due(time.monotonic(), at=time.time()), outlet)
                await self._pause_if_quick(size)
        if pace is not None:
            await self._say_progress(pace.rest(at=time.time()), outlet)
        for notice in framer.finish():
            await outlet.message(*notice.parts(), binary=notice.raw is not None)
            self.cursor = notice.cursor
        return True

    async def _pace(self, who: Principal, desk: Desk) -> Pace | None:
        """Return what keeps count of the tasks, from the beginning again; None: nobody asked."""
        if not self._of.progress:
            return None
        execution = await desk.get(who, self._of.execution_id)
        return Pace((task.record for task in execution.tasks), only=self._of.task_id)

    async def _say_progress(self, found: Sequence[Progress], outlet: Outlet) -> None:
        for progress in found:
            told = TaskProgress(
                subscription=self.name,
                execution_id=self._of.execution_id,
                task_id=progress.task_id,
                at=time.time(),
                progress=progress,
            )
            await outlet.notify(PROGRESS, told)

    async def _out(self, notice: Notice, outlet: Outlet) -> int | None:
        """Send a message and return its size; None when the peer did not take it."""
        parts = notice.parts()
        try:
            async with asyncio.timeout(_PATIENCE_S if notice.method in _MAY_BE_LET_GO else None):
                await outlet.message(*parts, binary=notice.raw is not None)
        except TimeoutError:
            return None
        self.cursor = notice.cursor
        self._sent.note(notice)
        return sum(map(len, parts))

    async def _pause_if_quick(self, size: int) -> None:
        now = time.monotonic()
        is_quick = size < _SMALL_BYTES and now - self.sent_at < _QUICK_S
        self._in_succession = self._in_succession + 1 if is_quick else 0
        self.sent_at = now
        if self._in_succession >= _AFTER:
            await asyncio.sleep(_QUICK_S)

    async def _say_lagged(self, who: Principal, desk: Desk, outlet: Outlet) -> None:
        execution_id = self._of.execution_id
        await outlet.notify(
            "stream.lagged",
            StreamLagged(
                subscription=self.name,
                execution_id=execution_id,
                cursor=self.cursor,
                head=await desk.head(who, execution_id),
            ),
        )

"""The streams of one connection."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Final

from cc_executor.errors import CCExecutorError, LimitReached, StreamNotFound
from cc_executor.model.events import Cursor
from cc_executor.model.principals import Principal
from cc_executor.model.sessions import Subscription
from cc_executor.protocol.faults import fault_of
from cc_executor.protocol.notifications import StreamEnded, StreamKeepalive
from cc_executor.server.desk import Desk
from cc_executor.server.rpc.outlet import Outlet
from cc_executor.server.rpc.stream import Stream
from cc_executor.server.vitals import Vitals

_log = logging.getLogger(__name__)

#: A stream in which nothing happens says so, and where its end is.
KEEPALIVE_S: Final = 15.0


class Streams:
    """What one connection follows, each stream in a task of its own.

    Args:
        who: Whose connection it is.
        desk: Where the events come from.
        outlet: Where they go.
        max_streams: Most at a time.
        vitals: Told how many there are.
    """

    def __init__(
        self, who: Principal, desk: Desk, outlet: Outlet, *, max_streams: int, vitals: Vitals
    ) -> None:
        self._who = who
        self._desk = desk
        self._outlet = outlet
        self._max_streams = max_streams
        self._vitals = vitals
        self._streams: dict[str, Stream] = {}
        self._pumps: dict[str, asyncio.Task[None]] = {}
        # Sent to their ends, which the reader has not acknowledged: oldest first.
        self._sent: dict[str, Stream] = {}
        self._names = 0

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def subscriptions(self) -> Mapping[str, Subscription]:
        """What a session remembers of them: up to where the reader has acknowledged."""
        both = {**self._sent, **self._streams}
        return {name: stream.acknowledged for name, stream in both.items()}

    def open(
        self,
        subscription: Subscription,
        *,
        name: str | None = None,
        agent_events: bool = True,
        until_end: bool = True,
        binary: bool = False,
    ) -> str:
        """Begin to send a stream from its cursor on; return its name.

        Raises:
            LimitReached: There are too many.
        """
        if len(self._streams) >= self._max_streams:
            raise LimitReached(
                "max_subscriptions",
                value=self._max_streams,
                asked=len(self._streams) + 1,
                unit="streams of one connection",
            )
        if name is None:
            name = self._new_name()
        stream = Stream(
            name, subscription, agent_events=agent_events, until_end=until_end, binary=binary
        )
        self._streams[name] = stream
        self._pumps[name] = asyncio.create_task(
            self._pump(stream), name=f"stream {subscription.execution_id}"
        )
        return name

    def acknowledge(self, name: str, cursor: Cursor) -> Cursor:
        """Note that the reader has dealt with everything before the cursor.

        Raises:
            StreamNotFound: There is no such stream.
        """
        stream = self._named(name)
        stream.acknowledge(cursor)
        if name in self._sent and cursor.seq >= stream.cursor.seq:
            del self._sent[name]
        return cursor

    async def close(self, name: str) -> Cursor:
        """Stop sending a stream; return how far it was sent.

        Raises:
            StreamNotFound: There is no such stream.
        """
        stream = self._named(name)
        self._sent.pop(name, None)
        if self._streams.pop(name, None) is not None:
            await _end(self._pumps.pop(name))
            await self._say_ended(stream, "unsubscribed")
        return stream.cursor

    async def aclose(self) -> None:
        """Stop all of them, without a word."""
        pumps = tuple(self._pumps.values())
        self._pumps, self._streams, self._sent = {}, {}, {}
        await _end(*pumps)

    async def keep_alive(self) -> None:
        """Tell readers where the end of each silent stream is, until cancelled."""
        while True:
            await asyncio.sleep(KEEPALIVE_S / 3)
            for stream in tuple(self._streams.values()):
                if stream.is_idle and time.monotonic() - stream.sent_at > KEEPALIVE_S:
                    stream.sent_at = time.monotonic()
                    await self._outlet.notify(
                        "stream.keepalive",
                        StreamKeepalive(
                            subscription=stream.name,
                            execution_id=stream.acknowledged.execution_id,
                            cursor=stream.cursor,
                            head=stream.cursor,  # idle: everything that is there has been sent
                        ),
                    )

    def _new_name(self) -> str:
        while True:
            self._names += 1
            name = f"s{self._names}"
            if name not in self._streams and name not in self._sent:
                return name

    def _named(self, name: str) -> Stream:
        stream = self._streams.get(name) or self._sent.get(name)
        if stream is None:
            raise StreamNotFound(name)
        return stream

    async def _say_ended(
        self, stream: Stream, reason: str, error: CCExecutorError | None = None
    ) -> None:
        await self._outlet.notify(
            "stream.ended",
            StreamEnded(
                subscription=stream.name,
                execution_id=stream.acknowledged.execution_id,
                cursor=stream.cursor,
                reason=reason,  # type: ignore[arg-type] # the callers' words are those of the shape
                fault=fault_of(error) if error is not None else None,
            ),
        )

    async def _pump(self, stream: Stream) -> None:
        self._vitals.streams += 1
        try:
            await stream.send_all(self._who, self._desk, self._outlet)
        except CCExecutorError as error:
            _log.warning("stream ended", extra={"problem": str(error)})
            await self._say_ended(stream, "error", error)
        except OSError:
            return  # the peer has gone while it was being told something
        else:
            await self._say_ended(stream, "final" if stream.until_end else "head")
        finally:
            self._vitals.streams -= 1
            if self._streams.get(stream.name) is stream:
                del self._streams[stream.name]
                del self._pumps[stream.name]
                self._remember(stream)

    def _remember(self, stream: Stream) -> None:
        """Keep a stream that was sent to its end: what was sent may not have arrived."""
        if stream.acknowledged.cursor.seq < stream.cursor.seq:
            self._sent[stream.name] = stream
        if len(self._sent) > self._max_streams:
            del self._sent[next(iter(self._sent))]


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

"""A stream over connections that come and go: without a gap, and nothing twice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from cc_executor.client.remote.line import Line
from cc_executor.client.remote.patience import Patience, may_pass
from cc_executor.client.remote.target import Target
from cc_executor.errors import CCExecutorError, ConnectionLost
from cc_executor.model.events import Cursor, FromAgent, Lifecycle, Output, StreamEvent
from cc_executor.protocol import jsonrpc
from cc_executor.protocol.faults import error_from
from cc_executor.protocol.methods import stream_ack, stream_subscribe
from cc_executor.protocol.notifications import StreamEnded
from cc_executor.protocol.reading import Answered, StreamReader

#: How often the server is told how far we are.
_ACK_EVERY_S: Final = 5.0
_SUBSCRIBE_ID: Final = 1


class Following:
    """Reads one stream on connections of its own.

    So a slow reader stops nothing but itself: its connection fills up, and behind it the server
    waits, which costs it a file offset.

    Args:
        target: The server.
        execution_id: Whose stream, or a unique prefix of that.
        after: What has been seen.
        agent_events: Whether the agent's output is read as well as passed on.
        until_end: Go on until the execution has ended.
    """

    def __init__(
        self,
        target: Target,
        execution_id: str,
        *,
        after: Cursor | None,
        agent_events: bool,
        until_end: bool,
    ) -> None:
        self._target = target
        self._execution_id = execution_id
        self._agent_events = agent_events
        self._until_end = until_end
        self._reader = StreamReader(after)
        self._patience = Patience(target.bounds.reconnect_s)

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield everything to the end.

        Raises:
            ConnectionLost, ServerUnavailable: The server did not come back in time.
            CCExecutorError: It refused the stream.
        """
        while True:
            try:
                line = await Line.open(self._target)
                async with contextlib.aclosing(line), contextlib.aclosing(self._over(line)) as over:
                    async for event in over:
                        self._patience.went_well()
                        yield event
                return
            except CCExecutorError as error:
                if not may_pass(error):
                    raise
                await self._patience.wait_after(error)

    async def _over(self, line: Line) -> AsyncGenerator[StreamEvent, None]:
        """Yield what comes over one connection, to the end of the stream."""
        params = self._params(binary="binary" in line.capabilities)
        await line.say(jsonrpc.request(_SUBSCRIBE_ID, stream_subscribe.NAME, params))
        acknowledged_at = time.monotonic()
        subscription = ""
        while True:
            for said in await line.heard():
                if isinstance(said, Answered):
                    subscription = _subscribed(said, subscription)
                    continue
                self._patience.was_there()
                item = self._reader.read(said)
                if isinstance(item, StreamEnded):
                    _check_end(item)
                    await self._acknowledge(line, item.subscription)
                    return
                if isinstance(item, Lifecycle | Output | FromAgent):
                    yield item
            now = time.monotonic()
            if subscription and now - acknowledged_at > _ACK_EVERY_S:
                acknowledged_at = now
                await self._acknowledge(line, subscription)

    def _params(self, *, binary: bool) -> stream_subscribe.Params:
        return stream_subscribe.Params(
            execution_id=self._execution_id,
            after=self._reader.cursor,
            agent_events=self._agent_events,
            until_end=self._until_end,
            encoding="binary" if binary else "text",
        )

    async def _acknowledge(self, line: Line, subscription: str) -> None:
        """Tell the server how far we are; it need not answer."""
        params = stream_ack.Params(subscription=subscription, cursor=self._reader.cursor)
        await line.say(jsonrpc.notification(stream_ack.NAME, params))


def _subscribed(said: Answered, before: str) -> str:
    """Return the name of the stream if this is the answer that says it."""
    if said.fault is not None:
        raise error_from(said.fault)
    if said.id != _SUBSCRIBE_ID:
        return before
    return msgspec.json.decode(said.result, type=stream_subscribe.Result).subscription


def _check_end(ended: StreamEnded) -> None:
    """Do nothing for a stream that has come to its end.

    Raises:
        ConnectionLost: There is more, under another subscription.
        CCExecutorError: What the server says went wrong.
    """
    if ended.fault is not None:
        raise error_from(ended.fault)
    if ended.reason not in ("final", "head"):
        raise ConnectionLost(f"the stream was {ended.reason}")

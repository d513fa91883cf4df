"""The stream of an execution over HTTP: server-sent events that can be taken up again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cc_executor.errors import CCExecutorError, InvalidCursor
from cc_executor.model.events import Cursor, StreamEvent
from cc_executor.model.principals import Principal
from cc_executor.model.progress import Progress
from cc_executor.protocol.framing import Framer, Notice
from cc_executor.protocol.notifications import PROGRESS
from cc_executor.protocol.pacing import Pace
from cc_executor.server.app import error_object
from cc_executor.server.desk import Desk
from cc_executor.server.http.requests import who, yes_or_no
from cc_executor.server.vitals import Vitals

_KEEPALIVE_S: Final = 15.0
_MAX_CURSOR_CHARS: Final = 16 * 1024
_HEADERS: Final = {
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would keep events back
}


class Events:
    """The handler.

    Args:
        desk: Where the events come from.
        vitals: Told what is sent.
        stopping: Set when the server is on its way out.
    """

    def __init__(self, desk: Desk, vitals: Vitals, stopping: asyncio.Event) -> None:
        self._desk = desk
        self._vitals = vitals
        self._stopping = stopping

    async def stream(self, request: Request) -> Response:
        """`GET /executions/{id}/events`: every event, from the start or after `Last-Event-ID`.

        The id of each event is the cursor behind it. `after` in the query does what the header does.
        """
        principal = who(request)
        execution_id = str(request.path_params["execution_id"])
        after = _cursor(request)
        pace = await self._pace(principal, execution_id, wanted=yes_or_no(request, "progress"))
        batches = await self._desk.follow(
            principal,
            execution_id,
            after=after,
            agent_events=not yes_or_no(request, "raw"),
            seen=pace.take if pace is not None else None,
        )
        lines = self._lines(batches, Framer("http", execution_id, after=after), pace)
        return StreamingResponse(lines, media_type="text/event-stream", headers=_HEADERS)

    async def _pace(self, who: Principal, execution_id: str, *, wanted: bool) -> Pace | None:
        if not wanted:
            return None
        execution = await self._desk.get(who, execution_id)
        return Pace(task.record for task in execution.tasks)

    async def _lines(
        self,
        batches: AsyncGenerator[Sequence[StreamEvent], None],
        framer: Framer,
        pace: Pace | None,
    ) -> AsyncIterator[bytes]:
        self._vitals.streams += 1
        try:
            async with contextlib.aclosing(batches):
                async for batch in _with_pauses(batches, self._stopping, pace):
                    notices = [one for event in batch for one in framer.feed(event)]
                    notices += framer.flush()
                    lines = b"".join(map(_event, notices))
                    if pace is not None:
                        lines += _progress(pace.due(time.monotonic(), at=time.time()))
                    lines = lines or b": keepalive\n\n"
                    self._vitals.sent_bytes += len(lines)
                    yield lines
            yield b"".join(map(_event, framer.finish()))
            if pace is not None:
                yield _progress(pace.rest(at=time.time()))
            if not self._stopping.is_set():
                yield b"event: stream.ended\ndata: {}\n\n"
        except CCExecutorError as error:
            yield b"event: error\ndata: " + msgspec.json.encode(error_object(error)) + b"\n\n"
        finally:
            self._vitals.streams -= 1


async def _with_pauses(
    batches: AsyncGenerator[Sequence[StreamEvent], None],
    stopping: asyncio.Event,
    pace: Pace | None,
) -> AsyncIterator[Sequence[StreamEvent]]:
    """Yield the batches, and an empty one whenever nothing came for a while; end with the server.

    A while is shorter when progress is due.
    """
    stop = asyncio.create_task(stopping.wait())
    try:
        while not stop.done():
            coming = asyncio.ensure_future(anext(batches, None))
            try:
                while not coming.done() and not stop.done():
                    done, _ = await asyncio.wait(
                        (coming, stop), timeout=_while_s(pace), return_when=asyncio.FIRST_COMPLETED
                    )
                    if not done:
                        yield ()
                batch = coming.result() if coming.done() else None
            finally:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
            if batch is None:
                return
            yield batch
    finally:
        stop.cancel()


def _while_s(pace: Pace | None) -> float:
    due_s = pace.wait_s(time.monotonic()) if pace is not None else None
    return _KEEPALIVE_S if due_s is None else min(due_s, _KEEPALIVE_S)


def _progress(found: Sequence[Progress]) -> bytes:
    """Return progress as events without an id: it has no place in the stream."""
    return b"".join(
        f"event: {PROGRESS}\ndata: ".encode() + msgspec.json.encode(one) + b"\n\n" for one in found
    )


def _event(notice: Notice) -> bytes:
    return (
        b"id: "
        + msgspec.json.encode(notice.cursor)
        + b"\nevent: "
        + notice.method.encode()
        + b"\ndata: "
        + msgspec.json.encode(notice.params)
        + b"\n\n"
    )


def _cursor(request: Request) -> Cursor:
    text = request.headers.get("last-event-id") or request.query_params.get("after") or "{}"
    if len(text) > _MAX_CURSOR_CHARS:
        raise InvalidCursor("Last-Event-ID", f"has more than {_MAX_CURSOR_CHARS} characters")
    try:
        return msgspec.json.decode(text, type=Cursor)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidCursor("Last-Event-ID", str(error)) from None

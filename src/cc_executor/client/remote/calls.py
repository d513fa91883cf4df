"""Calls over connections that come and go."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from typing import TypeVar

import msgspec

from cc_executor.client.remote.line import Line
from cc_executor.client.remote.patience import Patience, may_pass, was_not_answered
from cc_executor.client.remote.target import Target
from cc_executor.errors import CCExecutorError, ConnectionLost, MalformedMessage, NotResponding
from cc_executor.protocol import jsonrpc
from cc_executor.protocol.faults import error_from
from cc_executor.protocol.reading import Answered

Result = TypeVar("Result")


class Calls:
    """Asks a server, and connects again when the connection was lost.

    Many may ask at a time. Nothing waits without a bound.

    Args:
        target: The server.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._line: _Talk | None = None
        self._connecting = asyncio.Lock()

    async def open(self) -> None:
        """Connect, once: who cannot be reached at the beginning may have another address.

        Raises:
            CCExecutorError: It did not work.
        """
        self._line = _Talk(await Line.open(self._target))

    async def aclose(self) -> None:
        """Close the connection. Who waits for an answer gets none."""
        async with self._connecting:
            line, self._line = self._line, None
        if line is not None:
            await line.aclose()

    async def ask(
        self,
        method: str,
        params: object,
        kind: type[Result],
        *,
        repeat: bool = True,
        on_repeat: Callable[[], None] | None = None,
    ) -> Result:
        """Call a method and return its result.

        Args:
            method: Its name.
            params: Its parameters, a struct or a mapping.
            kind: Shape of the result.
            repeat: Whether it is safe to ask again when no answer came.
            on_repeat: Called before that is done.

        Raises:
            ConnectionLost: It may have been carried out, and was not to be repeated; or the server
                did not come back in time.
            NotResponding: It was not answered in time.
            CCExecutorError: The server refused it.
        """
        patience = Patience(self._target.bounds.reconnect_s)
        while True:
            try:
                talk = await self._connected()
            except CCExecutorError as error:
                if not may_pass(error):
                    raise
                await patience.wait_after(error)  # nothing was sent: it is safe
                continue
            try:
                raw = await talk.ask(method, params, within_s=self._target.bounds.request_s)
                return _shaped(raw, kind, method)
            except CCExecutorError as error:
                if not repeat or not was_not_answered(error):
                    raise
                await patience.wait_after(error)
                if on_repeat is not None:
                    on_repeat()

    async def _connected(self) -> _Talk:
        async with self._connecting:
            if self._line is None or self._line.is_over:
                if self._line is not None:
                    await self._line.aclose()
                self._line = _Talk(await Line.open(self._target))
            return self._line


def _shaped(raw: msgspec.Raw, kind: type[Result], method: str) -> Result:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MalformedMessage(f"that answers {method} cannot be read: {error}") from None


class _Talk:
    """Questions and their answers over one connection."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._ids = itertools.count(1)
        self._asked: dict[object, asyncio.Future[msgspec.Raw]] = {}
        self._end: CCExecutorError | None = None
        self._listening = asyncio.create_task(self._listen())

    @property
    def is_over(self) -> bool:
        """Whether no answer can come any more."""
        return self._end is not None

    async def ask(self, method: str, params: object, *, within_s: float) -> msgspec.Raw:
        """Return the result of one call."""
        if self._end is not None:
            raise self._end
        ident = next(self._ids)
        answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._asked[ident] = answer
        try:
            async with asyncio.timeout(within_s):
                await self._line.say(jsonrpc.request(ident, method, params))
                return await answer
        except TimeoutError:
            raise NotResponding("the server", within_s) from None
        finally:
            del self._asked[ident]
            if answer.done() and not answer.cancelled():
                answer.exception()  # looked at: whoever asked may have left before it came

    async def aclose(self) -> None:
        """End the connection."""
        self._over(ConnectionLost("it was closed here"))
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening
        await self._line.aclose()

    async def _listen(self) -> None:
        try:
            while True:
                for said in await self._line.heard():
                    if isinstance(said, Answered):
                        self._answered(said)
        except CCExecutorError as error:
            self._over(error)

    def _answered(self, said: Answered) -> None:
        answer = self._asked.get(said.id)
        if answer is None or answer.done():
            return
        if said.fault is not None:
            answer.set_exception(error_from(said.fault))
        else:
            answer.set_result(said.result)

    def _over(self, error: CCExecutorError) -> None:
        if self._end is None:
            self._end = error
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(self._end)

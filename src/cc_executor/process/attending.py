"""One running attempt, as its engine attends to it: over the lifeline, or the control socket."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from pathlib import Path
from typing import Any, Final

import msgspec

from cc_executor.errors import NotResponding
from cc_executor.journal.crash_points import reach
from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.ports.process import StopReason
from cc_executor.process import settle
from cc_executor.process.standby import GO
from cc_executor.process.stock import Stock
from cc_executor.process.wire import Message, Wire, WireLost, call

ANSWER_S: Final = 10.0
CONNECT_S: Final = 10.0
_TRY_AGAIN_S: Final = 0.01
_STDIN_BYTES: Final = 64 * 1024
#: An excuse is told by its beginning: a supervisor reads no line that is very long.
_EXCUSE_CHARS: Final = 200


class Attended:
    """Implements `ports.process.Supervised`.

    News comes in by itself. When the connection breaks and the supervisor lives, it is taken up
    again; when it is dead, the attempt is settled.

    Args:
        folder: The attempt folder.
        stock: Where its supervisor came from; None when another engine started it.
    """

    def __init__(self, folder: Path, stock: Stock | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._folder = folder
        self._stock = stock
        self._pid = 0
        self._head = 0
        self._wire: Wire | None = None
        self._begun: asyncio.Future[str | None] = loop.create_future()
        self._ended: asyncio.Future[Executed] = loop.create_future()
        self._ended.add_done_callback(_retrieve)
        self._curious: set[asyncio.Future[None]] = set()
        self._finding_out: asyncio.Task[None] | None = None
        self._untold: dict[str, Any] | None = None
        self._supervisor = 0
        self._closed = False

    @property
    def pid(self) -> int:
        """Process id of the child; 0 before it runs."""
        return self._pid

    @property
    def head(self) -> int:
        """Bytes of output captured so far."""
        return self._head

    # --- beginning --------------------------------------------------------------------------------

    def prime(self, wire: Wire, order: bytes) -> None:
        """Give a supervisor its order; it waits for `begin`."""
        self._wire = wire
        self._supervisor = wire.supervisor
        wire.listener = self
        if wire.is_open:
            wire.send(order)
            reach("client.launch_sent")
        else:
            self.lost(wire)

    async def begin(self) -> str | None:
        """Let the supervisor carry out its order.

        Returns:
            None when the child runs or has ended; else why there is no child.
        """
        if self._wire is not None:
            self._wire.tell({"do": GO})
            reach("client.permitted")
        return await asyncio.shield(self._begun)

    async def drop(self) -> None:
        """Let the supervisor end with its order not carried out."""
        self._write_off()
        await self.aclose()

    async def take_up(self) -> Executed | None:
        """Attend to an attempt that another engine has begun.

        Returns:
            None when it runs; how it ended when it has.

        Raises:
            NotResponding: Its supervisor lives and does not answer within 10 s.
        """
        await self._reconnect()
        return self._ended.result() if self._ended.done() else None

    # --- the port ---------------------------------------------------------------------------------

    async def changed(self, *, beyond: int) -> None:
        """Return when `head` exceeds `beyond` or the attempt has ended. Cancellable."""
        while self._head <= beyond and not self._ended.done():
            waiter = asyncio.get_running_loop().create_future()
            self._curious.add(waiter)
            try:
                await waiter
            finally:
                self._curious.discard(waiter)

    def judge(
        self,
        upto: int,
        *,
        progress: bool,
        hold: str | None,
        finished: bool,
        hold_s: float | None = None,
    ) -> None:
        """Tell the supervisor what the engine made of the output up to offset `upto`."""
        untold = self._untold
        self._untold = {
            "do": "judged",
            "upto": upto,
            "progress": progress or (untold is not None and untold["progress"]),
            "hold": None if hold is None else hold[:_EXCUSE_CHARS],
            "hold_s": hold_s,
            "finished": finished,
        }
        self._tell_judgement()

    async def pause(self) -> None:
        """Freeze the whole tree and stop its clocks. Doing it again changes nothing.

        Raises:
            NotResponding: The supervisor did not confirm within 10 s.
        """
        await self._ask({"do": "pause"})

    async def resume(self) -> None:
        """Thaw the tree. Doing it again changes nothing.

        Raises:
            NotResponding: The supervisor did not confirm within 10 s.
        """
        await self._ask({"do": "resume"})

    async def stop(self, reason: StopReason, *, now: bool = False) -> None:
        """Ask for the stop ladder (`now`: its last rung at once); `wait` tells when it is done.

        A supervisor that does not confirm within 10 s is killed, and its tree by this engine:
        `wait` then gives `EndedBy.LOST`.
        """
        try:
            await self._ask({"do": "stop", "reason": str(reason), "now": now})
        except NotResponding:
            await asyncio.to_thread(settle.kill_supervisor, self._folder)

    async def wait(self) -> Executed:
        """Return what the supervisor saw, once the whole tree is gone and that is recorded.

        A supervisor that was killed gives `EndedBy.LOST`, after its tree has been swept.

        Raises:
            NotResponding: It lives, has hung up, and does not answer for 10 s.
        """
        return await asyncio.shield(self._ended)

    async def write_stdin(self, data: bytes) -> bool:
        """Give the child more to read; return whether its stdin could take it.

        Raises:
            NotResponding: The supervisor did not confirm within 10 s.
        """
        for start in range(0, len(data), _STDIN_BYTES):
            piece = base64.b64encode(data[start : start + _STDIN_BYTES]).decode("ascii")
            if not await self._ask({"do": "write", "data": piece}, once=True):
                return False
        return True

    async def close_stdin(self) -> None:
        """End the child's stdin.

        Raises:
            NotResponding: The supervisor did not confirm within 10 s.
        """
        await self._ask({"do": "close_stdin"})

    async def aclose(self) -> None:
        """Let go of the attempt without stopping it (its orphan grace starts to run)."""
        self._closed = True
        if self._wire is not None:
            await self._wire.aclose()
        if self._finding_out is not None:
            self._finding_out.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._finding_out
        self._begun.cancel()
        self._ended.cancel()
        for waiter in self._curious:
            waiter.cancel()

    # --- conversation -----------------------------------------------------------------------------

    async def _ask(self, command: Message, *, once: bool = False) -> bool:
        """Give a command; return whether it was carried out. What has ended does nothing more.

        Args:
            once: Not again after a broken connection, when nobody knows whether it arrived.
        """
        try:
            async with asyncio.timeout(ANSWER_S):
                while not self._ended.done():
                    if self._wire is None or not self._wire.is_open:
                        await self._taken_up_again()
                        continue
                    try:
                        return "error" not in await self._wire.ask(command)
                    except WireLost:
                        if once:
                            return False
        except TimeoutError:
            raise NotResponding(f"the supervisor of {self._folder}", ANSWER_S) from None
        return False

    async def _taken_up_again(self) -> None:
        if self._finding_out is not None:
            await asyncio.wait((self._finding_out,))
        else:
            await asyncio.sleep(_TRY_AGAIN_S)

    def _tell_judgement(self) -> None:
        """Tell what was judged last when the supervisor keeps up; until then it is replaced."""
        if self._untold is not None and self._wire is not None and self._wire.has_room:
            untold, self._untold = self._untold, None
            self._wire.tell(untold)

    # --- wire.Listener ----------------------------------------------------------------------------

    def heed(self, _wire: Wire, news: Message) -> None:
        """React to one line of news."""
        self._head = max(self._head, news.get("head", 0))
        if "started" in news:
            self._pid = news["started"]
            self._begin(None)
        elif "refused" in news:
            self._write_off()
            self._begin(news["refused"])
        elif "ended" in news:
            self._end(msgspec.convert(news["ended"], Executed))
            self._give_back()
        self._wake_the_curious()

    def has_room(self) -> None:
        """Tell what was judged in the meantime."""
        self._tell_judgement()

    def lost(self, wire: Wire) -> None:
        """Find out why, when it is not clear."""
        if wire is not self._wire:
            return
        self._wire = None
        is_over = self._closed or self._ended.done() or self._was_refused()
        if not is_over and (self._finding_out is None or self._finding_out.done()):
            self._finding_out = asyncio.get_running_loop().create_task(self._find_out())

    def _give_back(self) -> None:
        """Let the supervisor be used again, when it was forked for us."""
        wire, self._wire = self._wire, None
        if wire is None:
            return
        wire.expect_no_answers()
        if self._stock is not None and wire.supervisor:
            self._supervisor = 0
            self._stock.give_back(wire)
        else:
            wire.close()

    def _write_off(self) -> None:
        if self._stock is not None and self._supervisor:
            self._supervisor = 0
            self._stock.write_off()

    def _begin(self, problem: str | None) -> None:
        if not self._begun.done():
            self._begun.set_result(problem)

    def _end(self, executed: Executed) -> None:
        self._head = max(self._head, executed.output_bytes)
        if not self._ended.done():
            self._ended.set_result(executed)
        self._begin(None)
        self._wake_the_curious()

    def _wake_the_curious(self) -> None:
        for waiter in self._curious:
            if not waiter.done():
                waiter.set_result(None)

    # --- when the connection breaks ---------------------------------------------------------------

    def _was_refused(self) -> bool:
        return self._begun.done() and self._begun.result() is not None

    async def _find_out(self) -> None:
        """Find out why the supervisor hung up: it is dead, or lives and has left us."""
        try:
            await self._reconnect()
        except NotResponding as error:
            self._begin(str(error))
            if not self._ended.done():
                self._ended.set_exception(error)
            self._wake_the_curious()

    async def _reconnect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                # Nothing tells that a process has died or a socket was made: it is looked for.
                while not await self._try_to_reconnect():  # noqa: ASYNC110 - a socket file does not ring
                    await asyncio.sleep(_TRY_AGAIN_S)
        except TimeoutError:
            raise NotResponding(f"the supervisor of {self._folder}", CONNECT_S) from None

    async def _try_to_reconnect(self) -> bool:
        """Settle the attempt if its supervisor is dead, else call it; return whether it worked."""
        found = await asyncio.to_thread(settle.settle, self._folder)
        if found is not settle.ALIVE:
            await self._settled(found)
            return True
        try:
            wire = await call(self._folder, self)
        except OSError:
            return False  # it dies in this moment, or has not opened its socket yet
        try:
            answer = await wire.ask({"do": "hello", "role": "engine", "pid": os.getpid()})
        except BaseException as error:
            wire.close()
            if isinstance(error, OSError):
                return False
            raise
        self._wire = wire
        self._pid = answer["pid"]
        self._head = max(self._head, answer["head"])
        self._begin(None)
        self._wake_the_curious()
        return True

    async def _settled(self, found: Executed | None) -> None:
        supervisor = self._supervisor
        self._write_off()
        if found is None:
            self._begin("its supervisor died before there was a child")
            return
        if self._stock is not None and found.ended_by is EndedBy.LOST:
            await self._stock.buried(supervisor)
        self._end(found)


def _retrieve(ended: asyncio.Future[Executed]) -> None:
    """Look at a failure, so that it is no surprise when nobody waits for the end."""
    if not ended.cancelled():
        ended.exception()

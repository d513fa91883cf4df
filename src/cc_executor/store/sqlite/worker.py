"""A thread that works for an event loop: it takes pieces of work in order and hands back answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from cc_executor.errors import StoreUnavailable

_Rows = TypeVar("_Rows")
_Answer = TypeVar("_Answer")


class Job(Generic[_Rows]):
    """A piece of work, and the future of whoever waits for it. Settled in the worker's thread."""

    def __init__(self, work: Callable[[_Rows], object], waiting: asyncio.Future[Any]) -> None:
        self.work = work
        self._waiting = waiting
        self._answer: object = None
        self._refusal: BaseException | None = None

    def settle(self, answer: object) -> None:
        """Set what the caller gets, in place of whatever was set before."""
        self._answer, self._refusal = answer, None

    def refuse(self, refusal: BaseException) -> None:
        """Set what is raised to the caller, in place of whatever was set before."""
        self._answer, self._refusal = None, refusal

    def deliver(self) -> None:
        """Tell the caller, unless it has stopped waiting. In the event loop's thread."""
        if self._waiting.done():
            return
        if self._refusal is not None:
            self._waiting.set_exception(self._refusal)
        else:
            self._waiting.set_result(self._answer)


class Clerk(Protocol[_Rows]):
    """What does the work: made, used and closed in the worker's thread alone."""

    def handle(self, jobs: Sequence[Job[_Rows]]) -> None:
        """Settle every job."""
        ...

    def rest(self, *, idle: bool) -> None:
        """Do what is not urgent; `idle` tells that nobody waits."""
        ...

    def close(self) -> None:
        """Release everything."""
        ...


class Worker(Generic[_Rows]):
    """The thread, as its event loop sees it.

    It is a daemon: an interpreter that ends without `aclose` must not wait for it, and what it is
    doing then nobody has been promised. For the database it is a crash like any other.

    Args:
        name: Of the thread.
        max_group: Most jobs that are handled together.
        max_waiting: Most jobs that are accepted and not answered; whoever comes then waits, on
            the event loop, for a place.
    """

    def __init__(self, name: str, *, max_group: int, max_waiting: int) -> None:
        self._name = name
        self._max_group = max_group
        self._loop = asyncio.get_running_loop()
        self._places = asyncio.Semaphore(max_waiting)
        self._inbox: SimpleQueue[Job[_Rows] | None] = SimpleQueue()  # None: close
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._closing = False

    async def start(self, hire: Callable[[], Clerk[_Rows]]) -> None:
        """Start the thread and return when `hire` has returned in it.

        Raises:
            Exception: Whatever `hire` raised; the thread has ended then.
        """
        ready: asyncio.Future[None] = self._loop.create_future()
        thread = threading.Thread(
            target=self._live, args=(hire, ready), name=self._name, daemon=True
        )
        thread.start()
        try:
            await ready
        except asyncio.CancelledError:
            self._close()  # in case it gets ready all the same
            raise

    async def ask(self, work: Callable[[_Rows], _Answer]) -> _Answer:
        """Have a piece of work done and return its answer, or raise what it raised.

        Work that was accepted is done, whether its caller goes on waiting or not.

        Raises:
            StoreUnavailable: The worker is closed.
        """
        await self._places.acquire()
        if self._closing:
            self._places.release()
            raise StoreUnavailable("it is closed")
        waiting: asyncio.Future[_Answer] = self._loop.create_future()
        self._inbox.put(Job(work, waiting))
        return await waiting

    async def aclose(self) -> None:
        """Return when all accepted work is done and the clerk has closed."""
        self._close()
        await asyncio.shield(self._ended)

    def _close(self) -> None:
        if not self._closing:
            self._closing = True
            self._inbox.put(None)

    # --- in the thread -----------------------------------------------------------------------

    def _live(self, hire: Callable[[], Clerk[_Rows]], ready: asyncio.Future[None]) -> None:
        try:
            clerk = hire()
        except BaseException as refusal:  # noqa: BLE001 - it belongs to whoever waits for the start
            self._tell(_fail, ready, refusal)
            return
        self._tell(_succeed, ready)
        try:
            self._serve(clerk)
        finally:
            clerk.close()
            self._tell(_succeed, self._ended)

    def _serve(self, clerk: Clerk[_Rows]) -> None:
        is_open = True
        while is_open:
            jobs, is_open = self._next_jobs()
            try:
                clerk.handle(jobs)
            except BaseException as fault:  # noqa: BLE001 - nobody may wait for ever
                for job in jobs:
                    job.refuse(fault)
            self._tell(self._deliver, jobs)
            clerk.rest(idle=self._inbox.empty())

    def _next_jobs(self) -> tuple[list[Job[_Rows]], bool]:
        """Wait for work and return all there is, and whether more may come."""
        jobs: list[Job[_Rows]] = []
        job = self._inbox.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == self._max_group:
                return jobs, True
            try:
                job = self._inbox.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    def _deliver(self, jobs: Sequence[Job[_Rows]]) -> None:
        for job in jobs:
            self._places.release()
            job.deliver()


def _succeed(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _fail(waiting: asyncio.Future[None], refusal: BaseException) -> None:
    if not waiting.done():
        waiting.set_exception(refusal)

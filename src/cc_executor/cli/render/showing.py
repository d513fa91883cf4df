"""Views in a thread of their own: who reads slowly, or not at all, holds up nothing but himself."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

_Work = tuple[Callable[..., object], tuple[Any, ...], "asyncio.Future[None]"]


class Showing:
    """Calls a view's methods, one after the other, without ever blocking the event loop.

    The engine of `run` lives in that loop: were it to wait for a pager or a full pipe, it could
    not tell the supervisors what is progress, and they would stop agents that work.

    The thread is a daemon: one that waits for ever for its reader does not keep the process.
    At most one call waits in the queue, because each is awaited.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        threading.Thread(target=self._show, name="view", daemon=True).start()

    async def call(self, method: Callable[..., object], *arguments: Any) -> None:
        """Call the method in the view's thread and return when it has.

        Cancelling this leaves the call to itself.
        """
        done = self._loop.create_future()
        self._work.put((method, arguments, done))
        await done

    def close(self) -> None:
        """Let the thread end when it has done what it was given."""
        self._work.put(None)

    def _show(self) -> None:
        while (work := self._work.get()) is not None:
            method, arguments, done = work
            error: BaseException | None = None
            try:
                method(*arguments)
            except Exception as caught:  # noqa: BLE001 - it is raised again where it was asked for
                error = caught
            with contextlib.suppress(RuntimeError):  # the loop is gone, and nobody waits any more
                self._loop.call_soon_threadsafe(_settle, done, error)


def _settle(done: asyncio.Future[None], error: BaseException | None) -> None:
    if done.cancelled():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)

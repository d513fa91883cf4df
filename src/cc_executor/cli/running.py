"""One event loop for one command, and what Ctrl-C means in it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from cc_executor.cli.exits import Exit

#: The terminal's Ctrl-C, a service manager's stop, a closed terminal: all ask for the same.
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Turns signals into calls of whoever is responsible at the moment."""

    def __init__(self) -> None:
        self._react: Callable[[int], object] | None = None
        self.count = 0

    def arrived(self) -> None:
        """Count an interrupt and pass it on."""
        self.count += 1
        if self._react is not None:
            self._react(self.count)

    @contextmanager
    def handled_by(self, react: Callable[[int], object]) -> Iterator[None]:
        """Call `react` with the number of interrupts so far, instead of who did before."""
        before, self._react = self._react, react
        try:
            yield
        finally:
            self._react = before


def run(command: Callable[[Interrupts], Awaitable[Exit]]) -> Exit:
    """Run the command to its end and return its exit code."""
    return asyncio.run(_interruptible(command))


async def _interruptible(command: Callable[[Interrupts], Awaitable[Exit]]) -> Exit:
    interrupts = Interrupts()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        # Who started us with a signal ignored (`nohup`, a shell's background job) means it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, interrupts.arrived)
    running = asyncio.ensure_future(command(interrupts))
    try:
        with interrupts.handled_by(lambda _: running.cancel()):
            return await running
    except asyncio.CancelledError:
        if not interrupts.count:
            raise
        return Exit.INTERRUPTED

"""Waiting for "something changed" without ever missing it: one look at the world for all readers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from cc_executor.engine.world import World
from cc_executor.model.lifecycle import is_final
from cc_executor.model.records import ExecutionRecord
from cc_executor.ports.journal import Journals

#: How often it is looked at what does not ring: other engines' output and records.
_LOOK_S: Final = 0.05
#: Every how many looks it is asked whether another engine still lives.
_LOOKS_PER_CARE: Final = 4


class Signals:
    """What happens to one execution, for everybody who reads it; what changed they look up.

    Take a `ticket` before you look; `beyond` it returns at once when something has changed since.

    Attributes:
        records: How often something was recorded, as far as is known.
        output: How often somebody has told of more output.
    """

    def __init__(self) -> None:
        self.records = 0
        self.output = 0
        self._seen = 0
        self._changed = asyncio.Event()
        self._error: Exception | None = None

    def recorded(self) -> None:
        """Wake everybody: something was recorded."""
        self.records += 1
        self._wake()

    def grown(self) -> None:
        """Wake everybody: there is more output."""
        self.output += 1
        self._wake()

    def seen(self) -> None:
        """Wake everybody: more output has been seen, though nobody has told of it."""
        self._seen += 1
        self._wake()

    def failed(self, error: Exception) -> None:
        """Wake everybody: whoever waits for the execution is told the error."""
        self._error = error
        self._wake()

    def ticket(self) -> tuple[int, int, int]:
        """Return what `beyond` compares with."""
        return self.records, self.output, self._seen

    async def beyond(self, ticket: tuple[int, int, int]) -> None:
        """Return once something has changed since `ticket`. Unbounded: the caller sets the bound.

        Raises:
            CCExecutorError: Looking after the execution failed meanwhile.
        """
        while self.ticket() == ticket:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Watch:
    """Rings for readers.

    What runs in this engine rings by itself when it records something or its agent says something.
    For the rest (executions of other engines, and what their supervisors append to) one task looks again and again, however many
    readers there are, and only while there are any.

    Args:
        world: The engine's world.
        runs_here: Tells whether an execution runs in this engine.
        look_after: Takes care of an execution whose engine has died.
    """

    def __init__(
        self,
        world: World,
        runs_here: Callable[[str], bool],
        look_after: Callable[[ExecutionRecord], Awaitable[None]],
    ) -> None:
        self._world = world
        self._runs_here = runs_here
        self._look_after = look_after
        self._signals: dict[str, tuple[Signals, int]] = {}  # and how many read it
        self._lengths: dict[str, Length] = {}
        self._looking: asyncio.Task[None] | None = None

    # --- for what runs here ------------------------------------------------------------------

    def recorded(self, execution_id: str) -> None:
        """Wake the readers of an execution."""
        if execution_id in self._signals:
            self._signals[execution_id][0].recorded()

    def grown(self, execution_id: str) -> None:
        """Wake the readers of an execution: there is more output."""
        if execution_id in self._signals:
            self._signals[execution_id][0].grown()

    # --- for readers -------------------------------------------------------------------------

    @contextlib.contextmanager
    def reading(self, execution_id: str) -> Iterator[Signals]:
        """Have an execution looked at for as long as the context lasts."""
        signals, readers = self._signals.get(execution_id, (Signals(), 0))
        self._signals[execution_id] = (signals, readers + 1)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_again_and_again(), name="watch")
        try:
            yield signals
        finally:
            signals, readers = self._signals.pop(execution_id)
            if readers > 1:
                self._signals[execution_id] = (signals, readers - 1)

    def measure(self, execution_id: str, attempt_id: str) -> Length:
        """Have the readers of an execution woken when the output of an attempt grows."""
        length = self._lengths.setdefault(attempt_id, Length(execution_id))
        length.readers += 1
        return length

    def leave(self, attempt_id: str) -> None:
        """Take back one `measure`."""
        length = self._lengths[attempt_id]
        length.readers -= 1
        if not length.readers:
            del self._lengths[attempt_id]

    async def aclose(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking

    # --- looking -----------------------------------------------------------------------------

    async def _look_again_and_again(self) -> None:
        version = -1
        looks = 0
        while self._signals:
            try:
                version = await self._look(version)
                if looks % _LOOKS_PER_CARE == 0:
                    await self._care()
            except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
                for signals, _ in self._signals.values():
                    signals.failed(error)
            looks += 1
            await asyncio.sleep(_LOOK_S)

    async def _look(self, version: int) -> int:
        lengths = tuple(self._lengths.items())
        if lengths:
            for execution_id in await asyncio.to_thread(_grown, self._world.journals, lengths):
                if execution_id in self._signals:
                    self._signals[execution_id][0].seen()
        elsewhere = self._elsewhere()
        if not elsewhere:
            return version
        now = await self._world.store.version()
        if now != version:
            for execution_id in elsewhere:
                self.recorded(execution_id)
        return now

    async def _care(self) -> None:
        for execution_id in self._elsewhere():
            execution = await self._world.store.execution(execution_id)
            if not is_final(execution.state):
                await self._look_after(execution)

    def _elsewhere(self) -> list[str]:
        return [one for one in self._signals if not self._runs_here(one)]


class Length:
    """How long an attempt's output was when it was last asked for.

    Attributes:
        records: As many records it had.
        readers: How many want to know.
    """

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        self.readers = 0
        self.records = 0


def _grown(journals: Journals, lengths: tuple[tuple[str, Length], ...]) -> set[str]:
    """Return the executions that have more output than before. Blocking (files)."""
    grown = set()
    for attempt_id, length in lengths:
        records = journals.length(attempt_id)
        if records > length.records:
            length.records = records
            grown.add(length.execution_id)
    return grown

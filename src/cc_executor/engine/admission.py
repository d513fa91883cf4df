"""Between the wish to start an attempt and its start: pauses, gates, and everything it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from cc_executor.engine.book import Book
from cc_executor.engine.gates import Candidate, GateClosed, Passage, Survivor
from cc_executor.engine.prepare import Prepared, within
from cc_executor.engine.world import World
from cc_executor.errors import CCExecutorError
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import Move
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import TaskRecord, TaskWaiting, Waiting


class NotAdmitted(Exception):
    """The attempt cannot be started, now or ever.

    Attributes:
        failure: What its task ends with.
        message: Why, for people.
        detail: Which limit, where the failure has kinds.
    """

    def __init__(self, failure: Failure, message: str, detail: str | None = None) -> None:
        super().__init__(failure, message, detail)
        self.failure = failure
        self.message = message
        self.detail = detail


class Admission:
    """Lets the attempts of one task start, one after the other, and writes down what it waits for.

    Args:
        world: The engine's world.
        book: Where waits are recorded.
        task: The task as it stands.
    """

    def __init__(self, world: World, book: Book, task: TaskRecord) -> None:
        self._book = book
        self._task = task
        self._gates = world.gates
        self._passage = Passage(world.gates)
        self._waiting = task.waiting
        self._told = 0  # how often people were told of a wait, or of its end
        self._paused = False
        self._unpaused = asyncio.Event()
        self._unpaused.set()
        self._stopped = asyncio.Event()
        self._entering: asyncio.Timeout | None = None

    # --- wishes ------------------------------------------------------------------------------

    def stop(self) -> None:
        """Let nothing start any more."""
        self._stopped.set()
        self._unpaused.set()
        if self._entering is not None:
            self._entering.reschedule(0)

    def pause(self) -> None:
        """Let nothing start for now. A wait goes on."""
        self._paused = True
        self._unpaused.clear()

    def resume(self) -> None:
        """Let attempts start again."""
        self._paused = False
        self._unpaused.set()

    # --- before ------------------------------------------------------------------------------

    async def admit(
        self, number: int, prepare: Callable[[], Awaitable[Prepared]]
    ) -> Prepared | None:
        """Return the attempt when nothing keeps it from starting any more; None: it was stopped.

        Nothing passes a gate while it is paused: what it would be given there, others wait for.

        Args:
            number: Of the attempt.
            prepare: Makes it ready; again after a wait, in which much may have changed.

        Raises:
            NotAdmitted: It cannot be prepared, or a gate is closed for good.
        """
        while True:
            if self._paused:  # an attempt that was paused has died: its task is paused nevertheless
                await self._book.move_if_allowed(self._task.id, Move.PAUSE)
            await self._unpaused.wait()
            if self._stopped.is_set():
                return None
            prepared = await _ready(prepare)
            waited = await self._pass_gates(number, prepared)
            if not self._paused and not self._stopped.is_set():
                return self.limited(await _ready(prepare) if waited else prepared)
            await self._passage.settle(None)

    def limited(self, prepared: Prepared) -> Prepared:
        """Return the attempt with the limits that the gates have set it."""
        return within(prepared, self._passage.allowance)

    async def delay(self) -> None:
        """Wait for the time of a retry that was decided, also by an earlier engine.

        Nobody stops waiting because the machine's clock was set: it is asked once.
        """
        waiting = self._waiting
        if waiting is None or waiting.reason != "retry" or waiting.until is None:
            return
        at_most_s = waiting.until - waiting.since
        try:
            async with asyncio.timeout(
                min(max(0.0, waiting.until - self._book.now_s()), at_most_s)
            ):
                await self._stopped.wait()
        except TimeoutError:
            return

    async def _pass_gates(self, number: int, prepared: Prepared) -> bool:
        """Pass all gates, unless somebody stops the task; tell whether it has waited."""
        if not self._gates:
            await self.tell(None)
            return False
        candidate = Candidate(self._book.execution, self._task, number, prepared)
        told_before = self._told
        try:
            async with asyncio.timeout(None) as self._entering:
                await self._passage.enter(candidate, self.tell)
        except GateClosed as closed:
            raise NotAdmitted(closed.failure, closed.message, closed.detail) from None
        except TimeoutError:
            if not self._stopped.is_set():
                raise
        finally:
            self._entering = None
        waited = self._told != told_before
        if not self._stopped.is_set():
            await self.tell(None)
        return waited

    def changed(self, waiting: Waiting | None) -> TaskWaiting | None:
        """Return the change to record with others when the task waits for this; None: no news."""
        if waiting == self._waiting:
            return None
        self._waiting = waiting
        self._told += 1
        return TaskWaiting(task_id=self._task.id, at=self._book.now_s(), waiting=waiting)

    async def tell(self, waiting: Waiting | None) -> None:
        """Write down why the task waits, or that it does not, where that is new."""
        change = self.changed(waiting)
        if change is not None:
            await self._book.record(change)

    # --- after -------------------------------------------------------------------------------

    async def adopt(self, number: int, prepared: Prepared | None) -> None:
        """Account for an attempt that an earlier engine has started."""
        survivor = Survivor(self._book.execution, self._task, number, prepared)
        await self._passage.adopt(survivor)

    async def settle(self, outcome: Outcome | None) -> None:
        """Give back what the gates have given to the attempt; None: it has not started."""
        await self._passage.settle(outcome)

    def leave(self) -> None:
        """Let go of an attempt that is not over."""
        self._passage.leave()


async def _ready(prepare: Callable[[], Awaitable[Prepared]]) -> Prepared:
    try:
        return await prepare()
    except CCExecutorError as refusal:
        raise NotAdmitted(Failure.REFUSED, f"{refusal}. {refusal.hint}") from None

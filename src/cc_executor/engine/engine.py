"""The engine: one per process, on a state directory that it may share with others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from functools import partial

from cc_executor.engine.follow import Seen, follow, head
from cc_executor.engine.foresight import Foresight
from cc_executor.engine.heir import Heir
from cc_executor.engine.outlooks import left_of, of_execution, of_list
from cc_executor.engine.prepare import Prepared
from cc_executor.engine.progress import progress
from cc_executor.engine.run import Run
from cc_executor.engine.submit import Accepted, accept, check, records
from cc_executor.engine.watch import Watch
from cc_executor.engine.wishes import Wishes
from cc_executor.engine.world import World
from cc_executor.errors import (
    DuplicateExecution,
    ExecutionNotFound,
    NothingToContinue,
)
from cc_executor.model.events import Cursor, StreamEvent
from cc_executor.model.forecasts import Band
from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.outlooks import Outlook
from cc_executor.model.plan import continued
from cc_executor.model.progress import Progress
from cc_executor.model.records import ExecutionRecord, Host, Lease, TaskRecord, Wish
from cc_executor.model.specs import TaskList
from cc_executor.ports.journal import Journals, Ownership

_log = logging.getLogger(__name__)


class Engine:
    """Runs executions, and reads and controls those that other engines run.

    Killing it loses nothing: the next engine on the same state directory takes up what it left.

    Args:
        world: The ports and limits.
        engine_id: Unique name of this engine; the store keeps it as the owner.
        host: Where it lives. An engine in a server takes up what earlier servers have left; what
            may go on without a caller gets an engine of its own from any other.
    """

    def __init__(self, world: World, *, engine_id: str, host: Host) -> None:
        self._world = world
        self._engine_id = engine_id
        self._host = host
        self._runs: dict[str, tuple[Run, asyncio.Task[None]]] = {}
        self._heir = Heir(world, engine_id=engine_id, host=host, runs=self)
        self._watch = Watch(world, self._runs_here, self._heir.look_after)
        self._wishes = Wishes(world, self._watch, self._heir, host=host, run_here=self._run_here)
        self._listening = False

    @property
    def journals(self) -> Journals:
        """Where the output of attempts, checks and judges is kept."""
        return self._world.journals

    # --- beginning ---------------------------------------------------------------------------

    async def submit(
        self,
        task_list: TaskList,
        *,
        execution_id: str | None = None,
        host: Host,
        principal: str | None = None,
    ) -> ExecutionRecord:
        """Accept a list and start it here; what is returned survives everything.

        Args:
            task_list: The list.
            execution_id: The caller's choice of an id, None for a new one.
            host: Where this engine lives, and so what its death means for the execution.
            principal: Who asked a server for it.

        Raises:
            InvalidRequest, Unavailable, DuplicateExecution: Nothing was recorded or started.
        """
        await self._look_up(task_list)
        accepted = await asyncio.to_thread(
            accept,
            self._world,
            task_list,
            host=host,
            owner=self._engine_id,
            execution_id=execution_id,
            principal=principal,
        )
        if execution_id is not None:
            await self._refuse_taken(accepted)
        return await self._create_and_start(accepted)

    async def enlist(
        self, task_list: TaskList, *, execution_id: str | None = None, host: Host
    ) -> ExecutionRecord:
        """Accept a list for another engine to run."""
        checked = await asyncio.to_thread(check, self._world, task_list)
        execution, tasks = records(self._world, checked, host=host, execution_id=execution_id)
        await self._world.store.create(execution, tasks)
        return execution

    async def continue_(self, execution_id: str, *, host: Host, here: bool) -> ExecutionRecord:
        """Accept a new execution of what an ended one has left undone.

        Tasks that have succeeded are carried over with their outcomes, not run again.

        Args:
            execution_id: The ended execution.
            host: Where the new one's engine lives.
            here: Whether to start it in this engine.

        Raises:
            NothingToContinue: It has succeeded, or has not ended.
        """
        earlier, tasks = await self._world.store.execution_with_tasks(execution_id)
        if not is_final(earlier.state) or earlier.state is TaskState.SUCCEEDED:
            raise NothingToContinue(execution_id, earlier.state)
        carried = {
            task.name: (task.id, task.outcome)
            for task in continued(tasks).carried
            if task.outcome is not None
        }
        if here:
            await self._look_up(earlier.task_list)
            accepted = await asyncio.to_thread(
                accept,
                self._world,
                earlier.task_list,
                host=host,
                owner=self._engine_id,
                principal=earlier.principal,
                continues=execution_id,
                carried=carried,
            )
            return await self._create_and_start(accepted)
        checked = await asyncio.to_thread(check, self._world, earlier.task_list)
        execution, new_tasks = records(
            self._world,
            checked,
            host=host,
            principal=earlier.principal,
            continues=execution_id,
            carried=carried,
        )
        await self._world.store.create(execution, new_tasks)
        return execution

    async def _look_up(self, task_list: TaskList) -> None:
        """Have at hand what is known of the agents of a list."""
        await self._world.foresight.look_up({spec.dialect for spec in task_list.tasks})

    async def _refuse_taken(self, accepted: Accepted) -> None:
        """Refuse an id that was used before: its folders are not written again.

        While its lock is held nobody can start an execution with this id.
        """
        try:
            await self._world.store.execution(accepted.execution.id)
        except ExecutionNotFound:
            return
        except BaseException:
            accepted.ownership.release()
            raise
        accepted.ownership.release()
        raise DuplicateExecution(accepted.execution.id)

    async def _create_and_start(self, accepted: Accepted) -> ExecutionRecord:
        """Run a list; return when its execution is in the store."""
        execution = accepted.execution
        run, task = self._start(
            execution,
            Lease(execution.id, execution.generation),
            accepted.ownership,
            new_tasks=accepted.tasks,
            prepared=accepted.prepared,
        )
        try:
            await asyncio.wait({run.created, task}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()  # whoever was to be told does not wait any more
            await asyncio.wait({task})
            raise
        if not run.created.done():
            self._runs.pop(execution.id, None)
            await task  # says why
        return execution

    def _start(
        self,
        execution: ExecutionRecord,
        lease: Lease,
        ownership: Ownership,
        *,
        new_tasks: tuple[TaskRecord, ...] | None = None,
        prepared: Mapping[str, Prepared] | None = None,
        carry_on: bool = True,
    ) -> tuple[Run, asyncio.Task[None]]:
        if not self._listening:
            self._listening = True
            self._world.nudges.listen(self._engine_id, self._wake_all)
        run = Run(
            self._world,
            execution,
            lease,
            partial(self._watch.recorded, execution.id),
            partial(self._watch.grown, execution.id),
            new_tasks=new_tasks,
            prepared=prepared,
            carry_on=carry_on,
        )
        task = asyncio.create_task(self._own(run, ownership), name=f"execution {execution.id}")
        self._runs[execution.id] = (run, task)
        task.add_done_callback(partial(self._ended, execution.id))
        return run, task

    def _ended(self, execution_id: str, task: asyncio.Task[None]) -> None:
        """Forget a run that has ended well; what ended another one is told to who waits for it."""
        if not task.cancelled() and task.exception() is None:
            self._runs.pop(execution_id, None)
        self._watch.recorded(execution_id)

    async def _own(self, run: Run, ownership: Ownership) -> None:
        try:
            await run.run()
        finally:
            ownership.release()

    # --- taking up what others have left --------------------------------------------------

    async def adopt(self, execution_id: str) -> bool:
        """Take an execution whose owner is gone and carry on with it here.

        Returns:
            False when a living engine owns it, or it has ended.
        """
        return await self._heir.adopt(execution_id)

    async def detach(self, execution_id: str) -> int:
        """Have an execution that nobody owns adopted by an engine process of its own.

        Returns:
            The process id of that engine.

        Raises:
            SpawnFailed: It could not be started; the next engine will take the execution up.
        """
        return await self._heir.detach(execution_id)

    async def recover(self) -> None:
        """Take care of everything that dead engines have left."""
        await self._heir.recover()

    def knows(self, execution_id: str) -> bool:
        """Tell whether the execution runs here, or ended here in a way that nobody was told yet."""
        return execution_id in self._runs

    def carry(
        self, execution: ExecutionRecord, lease: Lease, ownership: Ownership, *, carry_on: bool
    ) -> None:
        """Run what is left of an execution, or with `carry_on` false only settle it."""
        self._start(execution, lease, ownership, carry_on=carry_on)

    async def settled(self) -> None:
        """Return when what is only settled here, not carried on, is over.

        Bounded by the stop ladders of what still runs.
        """
        settling = [task for run, task in self._runs.values() if not run.carries_on]
        if settling:
            await asyncio.wait(settling)

    @property
    def running(self) -> int:
        """How many executions run here."""
        return sum(not task.done() for _, task in self._runs.values())

    async def quiet(self) -> None:
        """Return when nothing runs here. Unbounded: whoever waits sets the bound."""
        while going_on := [task for _, task in self._runs.values() if not task.done()]:
            await asyncio.wait(going_on)

    # --- foreseeing --------------------------------------------------------------------------

    async def forecast(self, task_list: TaskList) -> Outlook:
        """Return what a list may take; nothing is recorded or started.

        Raises:
            UnknownAgent: Nobody knows one of its agents.
        """
        await self._look_up(task_list)
        world = self._world
        return await asyncio.to_thread(
            of_list, world.foresight, task_list, concurrency=world.policy.max_concurrency
        )

    async def forecast_left(self, execution_id: str) -> Outlook:
        """Return what an execution has left, wherever it runs.

        Raises:
            ExecutionNotFound: No such execution.
        """
        world = self._world
        execution, tasks = await world.store.execution_with_tasks(execution_id)
        await self._look_up(execution.task_list)
        return await asyncio.to_thread(
            of_execution,
            world.foresight,
            execution,
            tasks,
            concurrency=world.policy.max_concurrency,
            now_s=world.clock.now_s(),
        )

    @property
    def foresight(self) -> Foresight:
        """What this engine knows of how long things took."""
        return self._world.foresight

    def left_here(self) -> Iterator[tuple[ExecutionRecord, Band]]:
        """Yield the executions that run here, and how much longer their running tasks may take."""
        now_s = self._world.clock.now_s()
        for run, task in self._runs.values():
            if not task.done():
                bands = [left_of(one, now_s=now_s) for one in run.known_tasks()]
                longest = max((one for one in bands if one is not None), key=_p50, default=None)
                if longest is not None:
                    yield run.execution, longest

    def _run_here(self, execution_id: str) -> Run | None:
        own = self._runs.get(execution_id)
        return own[0] if own is not None else None

    def _runs_here(self, execution_id: str) -> bool:
        own = self._runs.get(execution_id)
        return own is not None and not own[1].done()

    # --- wishes ------------------------------------------------------------------------------

    async def wish(
        self, execution_id: str, wish: Wish, *, task_id: str | None = None
    ) -> ExecutionRecord:
        """Record a wish, wake the owner, and return when it has come true.

        Raises:
            ExecutionNotFound, TaskNotFound: No such thing.
            InvalidTransition: It has ended already.
            NotResponding: The owner did not act within a minute; the wish stays recorded.
        """
        return await self._wishes.make(execution_id, wish, task_id=task_id)

    # --- reading -----------------------------------------------------------------------------

    async def finished(self, execution_id: str) -> None:
        """Return once the execution is final.

        Raises:
            StoreUnavailable, StaleWrite: What ended its run here before that.
        """
        own = self._runs.get(execution_id)
        if own is not None:
            await asyncio.shield(own[1])
            return
        with self._watch.reading(execution_id) as signals:
            while True:
                ticket = signals.ticket()
                execution = await self._world.store.execution(execution_id)
                if is_final(execution.state):
                    return
                await signals.beyond(ticket)

    async def follow(
        self,
        execution_id: str,
        *,
        after: Cursor | None = None,
        agent_events: bool = True,
        until_end: bool = True,
    ) -> AsyncIterator[StreamEvent]:
        """Iterate over the stream of an execution; see `engine.follow`."""
        batches = self.follow_in_batches(
            execution_id, after=after, agent_events=agent_events, until_end=until_end
        )
        async with contextlib.aclosing(batches):
            async for batch in batches:
                for item in batch:
                    yield item

    def follow_in_batches(
        self,
        execution_id: str,
        *,
        after: Cursor | None = None,
        agent_events: bool = True,
        until_end: bool = True,
        seen: Seen | None = None,
    ) -> AsyncGenerator[Sequence[StreamEvent], None]:
        """Iterate over the stream of an execution, by what was found at once."""
        return follow(
            self._world,
            self._watch,
            execution_id,
            after=after or Cursor(),
            agent_events=agent_events,
            until_end=until_end,
            seen=seen,
        )

    async def progress(self, execution_id: str) -> tuple[Progress, ...]:
        """Return how far each task of an execution is, whoever runs it."""
        now = self._world.clock.now_s()
        return await progress(self._world, self._watch, execution_id, at=now)

    async def head(self, execution_id: str) -> Cursor:
        """Return the cursor of a reader who has seen everything that is there now."""
        return await head(self._world, execution_id)

    # --- the end -----------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Cancel what lives in this process, let go of what may live on, release everything.

        Bounded by the stop ladder of what still runs.
        """
        for execution_id, (run, task) in tuple(self._runs.items()):
            if task.done():
                continue
            if run.host is Host.IN_PROCESS and run.created.done():
                await self._world.store.request(
                    execution_id, Wish.CANCEL, task_id=None, at=self._world.clock.now_s()
                )
                run.wake()
            else:
                task.cancel()
        tasks = [task for _, task in self._runs.values()]
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                _log.error("execution ended badly", exc_info=result)
        await self._watch.aclose()
        self._world.nudges.close()
        await asyncio.to_thread(self._world.resources.close)
        await self._world.supervision.aclose()
        await self._world.store.aclose()

    def _wake_all(self) -> None:
        for run, _ in self._runs.values():
            run.wake()


def _p50(band: Band) -> float:
    return band.p50

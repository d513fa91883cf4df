"""One execution: start its tasks in order and obey what people wish."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping

from cc_executor.engine.book import Book
from cc_executor.engine.prepare import Prepared, upstream
from cc_executor.engine.queueing import next_due_at, overdue
from cc_executor.engine.settle import refused
from cc_executor.engine.task_run import TaskRun
from cc_executor.engine.world import World
from cc_executor.errors import CCExecutorError
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import Move, TaskState
from cc_executor.model.plan import Plan, next_moves
from cc_executor.model.records import (
    Change,
    ExecutionRecord,
    Host,
    Lease,
    Request,
    TaskMoved,
    TaskRecord,
    Wish,
)
from cc_executor.ports.process import StopReason

#: Wishes that end things, and whether they skip the graces.
_ENDING: Mapping[Wish, bool] = {Wish.CANCEL: False, Wish.KILL: True}


class Run:
    """The owner of one execution, for as long as it holds the lease.

    Args:
        world: The engine's world.
        execution: The execution.
        lease: The right to write to it.
        on_change: Called after every recorded move.
        on_output: Called whenever there is more output to read.
        new_tasks: The tasks of an execution that is to be created; None: the store knows.
        prepared: By task id, first attempts that are prepared already.
        carry_on: Whether to run what is left. Without, what runs is stopped and settled and what
            waits is skipped: its owner is dead, and nobody asked for it to go on.
    """

    def __init__(
        self,
        world: World,
        execution: ExecutionRecord,
        lease: Lease,
        on_change: Callable[[], None],
        on_output: Callable[[], None],
        *,
        new_tasks: tuple[TaskRecord, ...] | None = None,
        prepared: Mapping[str, Prepared] | None = None,
        carry_on: bool = True,
    ) -> None:
        self._world = world
        self._execution = execution
        self._book = Book(world, execution, lease, on_change, on_output, new_tasks=new_tasks)
        self._prepared = dict(prepared or {})
        self._carry_on = carry_on
        self._live: dict[str, TaskRun] = {}
        self._over: set[str] = set()  # what a look taken a moment ago may still show as running
        self._woken = asyncio.Event()
        self._request_seq = 0
        self._cancelling = False
        self._paused = False
        self._unwanted: set[str] = set()  # tasks cancelled one by one
        self._overdue: set[str] = set()  # tasks that have waited for too long, and know it

    @property
    def carries_on(self) -> bool:
        """Whether what is left is run, too."""
        return self._carry_on

    @property
    def host(self) -> Host:
        """Where its engine lives."""
        return self._execution.host

    @property
    def execution(self) -> ExecutionRecord:
        """The execution as it was taken."""
        return self._execution

    def known_tasks(self) -> Collection[TaskRecord]:
        """Return its tasks as they stand, as far as is known without asking the store."""
        return self._book.known_tasks()

    @property
    def created(self) -> asyncio.Future[None]:
        """Done when the execution is in the store."""
        return self._book.created

    def wake(self) -> None:
        """Look again: a wish may have been recorded."""
        self._woken.set()

    async def run(self) -> None:
        """Run until the execution is final.

        Cancelling this lets go of running attempts without stopping them.

        Raises:
            StaleWrite: Another engine has taken the execution.
            StoreUnavailable: Nothing can be recorded; running attempts meet their orphan grace.
        """
        try:
            async with asyncio.TaskGroup() as group:
                await self._drive(group)
        except* CCExecutorError as refusals:
            raise _first(refusals) from None
        finally:
            for task_run in self._live.values():
                await task_run.let_go()

    async def _drive(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._woken.clear()
            tasks = await self._book.tasks()
            plan = next_moves(
                tasks,
                stop_on_failure=self._execution.task_list.stop_on_failure,
                cancelling=self._cancelling,
                concurrency=0 if self._paused else self._world.policy.max_concurrency,
            )
            never = self._what_never_starts(tasks, plan)
            if never:
                await self._book.record(*never)
            if plan.done and not self._live:  # what was to be skipped may have begun just now
                await self._book.create()
                return
            if never or await self._obey():
                continue  # what was planned is not what is wanted now
            wanted = (
                {*plan.start, *_left_running(tasks)} if self._carry_on else _left_running(tasks)
            )
            for task in tasks:
                if task.id in wanted and task.id not in self._live and task.id not in self._over:
                    self._begin(group, task, tasks)
            if not self._live:
                await self._book.create()
            await self._wait(tasks)

    async def _wait(self, tasks: tuple[TaskRecord, ...]) -> None:
        """Return when something has happened, or a task has waited for too long."""
        patient = (task for task in tasks if task.id not in self._overdue)
        due_at = next_due_at(self._execution, patient)
        within_s = None if due_at is None else max(0.0, due_at - self._book.now_s())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._woken.wait()

    def _begin(
        self, group: asyncio.TaskGroup, task: TaskRecord, tasks: tuple[TaskRecord, ...]
    ) -> None:
        task_run = TaskRun(
            self._world,
            self._book,
            task,
            upstream(tasks),
            carry_on=self._carry_on,
            prepared=self._prepared.pop(task.id, None),
        )
        self._live[task.id] = task_run
        group.create_task(self._carry(task.id, task_run))

    async def _carry(self, task_id: str, task_run: TaskRun) -> None:
        await self._apply_wishes(task_id, task_run)
        await task_run.run()
        del self._live[task_id]
        self._over.add(task_id)
        self._woken.set()

    def _what_never_starts(self, tasks: tuple[TaskRecord, ...], plan: Plan) -> list[Change]:
        """Return the final moves of queued tasks that have no way to start any more."""
        now = self._book.now_s()
        skipped = {one.task_id: one.because_of for one in plan.skip}
        unwanted = {*plan.cancel, *self._unwanted}
        changes: list[Change] = []
        for task in tasks:
            if task.state is not TaskState.QUEUED:
                continue
            late = overdue(self._execution, task.spec, now)
            if task.id in self._live:  # it waits for something, or begins just now
                if task.id in skipped:
                    outcome = refused(Failure.UPSTREAM, _because_of(skipped[task.id]))
                    self._live[task.id].end_unbegun(Move.SKIP, outcome)
                elif late is not None:
                    self._overdue.add(task.id)
                    self._live[task.id].end_unbegun(Move.TIME_OUT, late)
                continue
            if task.id in unwanted:
                changes.append(_ended(task.id, Move.CANCEL, Failure.CANCELLED, None, now))
            elif not self._carry_on:
                why = "its engine went away before it could start"
                changes.append(_ended(task.id, Move.SKIP, Failure.UPSTREAM, why, now))
            elif task.id in skipped:
                why = _because_of(skipped[task.id])
                changes.append(_ended(task.id, Move.SKIP, Failure.UPSTREAM, why, now))
            elif late is not None:
                move = Move.TIME_OUT
                changes.append(TaskMoved(task_id=task.id, move=move, at=now, outcome=late))
        return changes

    # --- wishes ------------------------------------------------------------------------------

    async def _obey(self) -> bool:
        """Carry out every wish that is new; tell whether there was one.

        A taken-up execution meets its old ones again: what was cancelled or paused stays so. Of one
        that does not exist yet nobody can have wished anything.
        """
        if not self._book.created.done():
            return False
        requests = await self._world.store.requests(self._execution.id, after_seq=self._request_seq)
        for request in requests:
            self._request_seq = request.seq
            await self._carry_out(request)
        return bool(requests)

    async def _carry_out(self, request: Request) -> None:
        live = [
            task_run
            for task_id, task_run in self._live.items()
            if request.task_id in (None, task_id)
        ]
        if request.wish in _ENDING:
            if request.task_id is None:
                self._cancelling = True
            else:
                self._unwanted.add(request.task_id)
            for task_run in live:
                await task_run.stop(StopReason.CANCEL, now=_ENDING[request.wish])
            return
        pausing = request.wish is Wish.PAUSE
        if request.task_id is None:
            self._paused = pausing
        for task_run in live:
            await (task_run.pause() if pausing else task_run.resume())

    async def _apply_wishes(self, task_id: str, task_run: TaskRun) -> None:
        """Tell a task that begins what was wished before it did."""
        if self._cancelling or task_id in self._unwanted:
            await task_run.stop(StopReason.CANCEL, now=False)


def _because_of(name: str) -> str:
    return f"task {name!r} did not succeed"


def _ended(task_id: str, move: Move, failure: Failure, message: str | None, at: float) -> TaskMoved:
    outcome = refused(failure, message or "cancelled before it started")
    return TaskMoved(task_id=task_id, move=move, at=at, outcome=outcome)


def _left_running(tasks: tuple[TaskRecord, ...]) -> set[str]:
    """Return the tasks that run, here or since an earlier engine."""
    return {task.id for task in tasks if task.state in (TaskState.RUNNING, TaskState.PAUSED)}


def _first(refusals: BaseExceptionGroup[CCExecutorError]) -> CCExecutorError:
    """Return the error that came first; the others follow from it."""
    first: BaseException = refusals
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    assert isinstance(first, CCExecutorError)
    return first

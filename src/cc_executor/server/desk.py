"""What every door of a server asks for, in one place: who may, whose it is, and once only."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from cc_executor.engine.engine import Engine
from cc_executor.engine.submit import resolved
from cc_executor.engine.views import view, viewed
from cc_executor.errors import (
    DuplicateExecution,
    ExecutionNotFound,
    IdempotencyConflict,
    InvalidSpec,
    LimitReached,
    NotPermitted,
    ResourcesShort,
    ServerUnavailable,
    TaskNotFound,
)
from cc_executor.model.events import Cursor, StreamEvent
from cc_executor.model.ids import execution_of
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.lists import task_list
from cc_executor.model.outlooks import Outlook
from cc_executor.model.principals import Principal, Scope
from cc_executor.model.records import ExecutionRecord, Host, TaskRecord, Wish
from cc_executor.model.results import ExecutionResult, TaskResult
from cc_executor.model.specs import TaskList
from cc_executor.ports.resources import Resources
from cc_executor.ports.store import Store
from cc_executor.protocol.views import ProgressView

_Found = TypeVar("_Found")

_MIB: Final = 1024 * 1024
_MAX_KEY_CHARS: Final = 255
#: How long a request that came twice at once waits for its twin to be recorded: 5 s.
_TWIN_LOOKS: Final = 250
_TWIN_PAUSE_S: Final = 0.02
#: What `_id_for` makes.
_OF_A_KEY: Final = re.compile(r"k[0-9a-f]{31}")


class DeskLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the desk refuses to go beyond.

    Attributes:
        max_queued: Executions of one principal that have not ended.
        min_free_disk_mb: Free space of the state directory below which nothing new is accepted.
        min_free_memory_mb: Available memory below which nothing new is accepted.
    """

    max_queued: int
    min_free_disk_mb: int
    min_free_memory_mb: int


class Desk:
    """Answers for one server, to principals whose identity has been shown.

    What belongs to somebody else does not exist for whoever asks, except for an `admin`.

    Args:
        engine: Runs what is submitted.
        store: What is remembered, for reading.
        resources: What the machine has left; read without blocking.
        limits: What is refused.
        workspace: Absolute path that a relative workspace is relative to.
    """

    def __init__(
        self,
        engine: Engine,
        store: Store,
        resources: Resources,
        limits: DeskLimits,
        *,
        workspace: Path,
    ) -> None:
        self._accepts = True
        self._begun: set[asyncio.Task[ExecutionRecord]] = set()
        self._engine = engine
        self._store = store
        self._resources = resources
        self._limits = limits
        self._workspace = workspace

    @property
    def accepts(self) -> bool:
        """Whether new work is taken."""
        return self._accepts

    def stop_accepting(self) -> None:
        """Take no new work from now on: the server is on its way out."""
        self._accepts = False

    # --- running -----------------------------------------------------------------------------

    async def submit(
        self,
        who: Principal,
        value: object,
        *,
        workspace: str | None = None,
        sequential: bool = True,
        idempotency_key: str | None = None,
        execution_id: str | None = None,
    ) -> ExecutionResult:
        """Accept a task list and start it; what is returned survives everything.

        Args:
            who: Who asks; needs `run`.
            value: A list as in a task file: a mapping with `tasks`, or a sequence of tasks.
            workspace: Absolute path, where the list names none or a relative one.
            sequential: Whether a task without `needs` waits for the one before it.
            idempotency_key: The same key and list give the same execution, however often and
                after whatever crash they are sent; None: every call is a new one.
            execution_id: The caller's choice of an id, None for a new one; not with a key, which
                stands for one already.

        Raises:
            NotPermitted: `who` lacks the scope.
            InvalidRequest, Conflict, Unavailable, LimitReached: Nothing was recorded or started.
        """
        _demand(who, Scope.RUN)
        base = str(self._workspace / (workspace or "."))
        asked = task_list(value, workspace=base, sequential=sequential)
        if execution_id is not None:
            _check_choice(execution_id, idempotency_key)
        if idempotency_key is not None:
            execution_id = _id_for(who, idempotency_key)
            earlier = await self._earlier(idempotency_key, execution_id, asked)
            if earlier is not None:
                return earlier
        await self._admit(who)
        try:
            record = await self._to_the_end(
                self._engine.submit(
                    asked, execution_id=execution_id, host=Host.SERVER, principal=who.name
                )
            )
        except DuplicateExecution:
            if idempotency_key is None or execution_id is None:
                raise
            return await self._twin(idempotency_key, execution_id, asked)
        return await self._view(record.id)

    async def _to_the_end(self, work: Coroutine[Any, Any, ExecutionRecord]) -> ExecutionRecord:
        """Return what comes of it; it is not given up when whoever asked for it goes away.

        A list that is recorded and not started would wait until somebody looks at it.
        """
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        task.add_done_callback(lambda one: one.cancelled() or one.exception())  # looked at
        return await asyncio.shield(task)

    async def _twin(self, key: str, execution_id: str, asked: TaskList) -> ExecutionResult:
        """Return what the same request, which came at the same time, is about to begin.

        Raises:
            DuplicateExecution: It does not.
        """
        for _ in range(_TWIN_LOOKS):
            earlier = await self._earlier(key, execution_id, asked)
            if earlier is not None:
                return earlier
            await asyncio.sleep(_TWIN_PAUSE_S)
        raise DuplicateExecution(execution_id)

    async def _earlier(
        self, key: str, execution_id: str, asked: TaskList
    ) -> ExecutionResult | None:
        """Return what the key stands for already.

        Raises:
            IdempotencyConflict: It stands for another list.
        """
        try:
            record = await self._store.execution(execution_id)
        except ExecutionNotFound:
            return None
        if record.task_list != resolved(asked):
            raise IdempotencyConflict(key, execution_id)
        return await self._view(execution_id)

    async def _admit(self, who: Principal) -> None:
        """Do nothing when there is room for one more execution.

        Raises:
            ResourcesShort, LimitReached: There is none.
        """
        if not self._accepts:
            raise ServerUnavailable("", "the server is stopping and takes no new work")
        left = self._resources.latest()
        floors = (
            ("disk", left.disk_free_bytes, self._limits.min_free_disk_mb),
            ("memory", left.memory_available_bytes, self._limits.min_free_memory_mb),
        )
        for resource, free_bytes, floor_mb in floors:
            if free_bytes is not None and free_bytes < floor_mb * _MIB:
                raise ResourcesShort(resource, free_mb=free_bytes / _MIB, needed_mb=floor_mb)
        unfinished = await self._store.count_unfinished(who.name)
        if unfinished >= self._limits.max_queued:
            raise LimitReached(
                "max_queued",
                value=self._limits.max_queued,
                asked=unfinished + 1,
                unit="unfinished executions",
            )

    async def continue_(self, who: Principal, execution_id: str) -> ExecutionResult:
        """Start a new execution of what an ended one has left undone.

        Raises:
            NothingToContinue: It has succeeded, or has not ended.
        """
        _demand(who, Scope.RUN)
        full_id = (await self._owned(who, execution_id)).id
        await self._admit(who)
        record = await self._to_the_end(
            self._engine.continue_(full_id, host=Host.SERVER, here=True)
        )
        return await self._view(record.id)

    # --- controlling -------------------------------------------------------------------------

    async def control(self, who: Principal, of: str, wish: Wish) -> ExecutionResult:
        """Have a wish come true for an execution or one task of it.

        Args:
            who: Who asks; needs `control`.
            of: Id of an execution, `EXECUTION.NUMBER` or `EXECUTION.NAME`.
            wish: What is wished.

        Raises:
            ExecutionNotFound, TaskNotFound: There is no such thing, or it is somebody else's.
            InvalidTransition: It has ended already.
            NotResponding: Its engine did not act within a minute; the wish stays recorded.
        """
        _demand(who, Scope.CONTROL)
        execution, task = await self.find_task(who, of)
        await self._engine.wish(execution.id, wish, task_id=task.id if task else None)
        return await self._view(execution.id)

    # --- reading -----------------------------------------------------------------------------

    async def get(self, who: Principal, execution_id: str) -> ExecutionResult:
        """Return an execution as it stands. An `admin` may give a unique prefix of its id.

        Raises:
            ExecutionNotFound, AmbiguousId: There is none, or several.
        """
        _demand(who, Scope.READ)
        return await viewed(self._store, *await self._owned_with_tasks(who, execution_id))

    async def list(
        self,
        who: Principal,
        *,
        states: Sequence[TaskState] | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> tuple[ExecutionRecord, ...]:
        """Return executions, newest first: one's own, for an `admin` everybody's.

        Raises:
            InvalidSpec: `limit` is not 1 to 1,000.
        """
        _demand(who, Scope.READ)
        if not 1 <= limit <= 1000:
            raise InvalidSpec("limit", f"{limit} is not 1 to 1000")
        principal = None if who.may(Scope.ADMIN) else who.name
        if before is not None:
            before = (await self._owned(who, before)).id
        return await self._store.executions(
            states=states, principal=principal, before=before, limit=limit
        )

    async def finished(self, who: Principal, execution_id: str) -> ExecutionResult:
        """Return an execution once it is final. Unbounded: the door sets the bound."""
        _demand(who, Scope.READ)
        full_id = (await self._owned(who, execution_id)).id
        await self._engine.finished(full_id)
        return await self._view(full_id)

    async def follow(
        self,
        who: Principal,
        execution_id: str,
        *,
        after: Cursor | None = None,
        agent_events: bool = True,
        until_end: bool = True,
        seen: Callable[[StreamEvent], object] | None = None,
    ) -> AsyncGenerator[Sequence[StreamEvent], None]:
        """Return an iterator over everything that happens, from `after` to the end, in batches.

        Raises:
            ExecutionNotFound: There is none, or it is somebody else's.
        """
        _demand(who, Scope.READ)
        full_id = (await self._owned(who, execution_id)).id
        return self._engine.follow_in_batches(
            full_id, after=after, agent_events=agent_events, until_end=until_end, seen=seen
        )

    async def progress(self, who: Principal, execution_id: str) -> ProgressView:
        """Return how far each task of an execution is.

        Raises:
            ExecutionNotFound: There is none, or it is somebody else's.
        """
        _demand(who, Scope.READ)
        full_id = (await self._owned(who, execution_id)).id
        found = await self._engine.progress(full_id)
        return ProgressView(execution_id=full_id, at=time.time(), tasks=list(found))

    async def head(self, who: Principal, execution_id: str) -> Cursor:
        """Return the cursor of a reader who has seen everything that is there now."""
        _demand(who, Scope.READ)
        return await self._engine.head((await self._owned(who, execution_id)).id)

    async def forecast(self, who: Principal, value: object, *, sequential: bool = True) -> Outlook:
        """Return what a list may take; nothing is recorded or started.

        Raises:
            InvalidRequest: It could not run.
        """
        _demand(who, Scope.READ)
        asked = task_list(value, workspace=str(self._workspace), sequential=sequential)
        return await self._engine.forecast(asked)

    async def forecast_left(self, who: Principal, execution_id: str) -> Outlook:
        """Return what an execution has left.

        Raises:
            ExecutionNotFound: There is none, or it is somebody else's.
        """
        _demand(who, Scope.READ)
        return await self._engine.forecast_left((await self._owned(who, execution_id)).id)

    async def task(self, who: Principal, of: str) -> TaskResult:
        """Return a task as it stands: `EXECUTION.NUMBER` or `EXECUTION.NAME`.

        Raises:
            ExecutionNotFound, TaskNotFound: There is no such thing, or it is somebody else's.
        """
        _demand(who, Scope.READ)
        _execution, task = await self.find_task(who, of)
        if task is None:
            raise TaskNotFound(of)
        return TaskResult(record=task)

    async def find_task(self, who: Principal, of: str) -> tuple[ExecutionRecord, TaskRecord | None]:
        """Return the execution, and the task if `of` names one: `EXECUTION.NUMBER` or `.NAME`.

        Raises:
            ExecutionNotFound, TaskNotFound: There is no such thing, or it is somebody else's.
        """
        execution, tasks = await self._owned_with_tasks(who, execution_of(of))
        _, dot, which = of.partition(".")
        if not dot:
            return execution, None
        for task in tasks:
            if which in (str(task.number), task.name):
                return execution, task
        raise TaskNotFound(of)

    async def _owned(self, who: Principal, prefix: str) -> ExecutionRecord:
        record = await self._looked_up(who, prefix, self._store.execution)
        if not who.owns(record.principal):
            raise ExecutionNotFound(prefix)
        return record

    async def _owned_with_tasks(
        self, who: Principal, prefix: str
    ) -> tuple[ExecutionRecord, tuple[TaskRecord, ...]]:
        record, tasks = await self._looked_up(who, prefix, self._store.execution_with_tasks)
        if not who.owns(record.principal):
            raise ExecutionNotFound(prefix)
        return record, tasks

    async def _looked_up(
        self, who: Principal, prefix: str, look: Callable[[str], Awaitable[_Found]]
    ) -> _Found:
        """Return what is found under an id, or for an `admin` under what only one id begins with.

        A prefix could tell somebody else which ids others have.
        """
        wanted = execution_of(prefix)
        try:
            return await look(wanted)
        except ExecutionNotFound:
            if not who.may(Scope.ADMIN):
                raise
            return await look(await self._store.find(wanted))

    async def _view(self, full_id: str) -> ExecutionResult:
        return await view(self._store, full_id)


def _demand(who: Principal, scope: Scope) -> None:
    if not who.may(scope):
        raise NotPermitted(scope)


def _check_choice(execution_id: str, idempotency_key: str | None) -> None:
    """Do nothing when a caller may choose the id: those that keys stand for are nobody's choice."""
    if idempotency_key is not None:
        raise InvalidSpec("execution_id", "cannot be chosen together with `idempotency_key`")
    if _OF_A_KEY.fullmatch(execution_id):
        raise InvalidSpec("execution_id", f"{execution_id!r} looks like the id of a key")


def _id_for(who: Principal, key: str) -> str:
    """Return the id of the execution that a principal's key stands for, now and for ever."""
    if not key or len(key) > _MAX_KEY_CHARS or not key.isprintable():
        raise InvalidSpec("idempotency_key", f"must be 1 to {_MAX_KEY_CHARS} printable characters")
    named = msgspec.json.encode([who.name, key])
    return "k" + hashlib.sha256(named).hexdigest()[:31]

"""Executions made up for tests, and a client that knows nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from cc_executor.errors import CCExecutorError, ExecutionNotFound, InvalidTransition, TaskNotFound
from cc_executor.model.bundles import Evidence
from cc_executor.model.events import Cursor, Lifecycle, StreamEvent
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import TaskState, is_final, state_of_list
from cc_executor.model.outcomes import Claimed, EndedBy, Executed, Outcome
from cc_executor.model.outlooks import NOTHING_LEFT, Outlook
from cc_executor.model.progress import ExecutionProgress, Progress
from cc_executor.model.proofs import Examination, standing
from cc_executor.model.records import ExecutionRecord, Host, TaskRecord
from cc_executor.model.results import ExecutionResult, TaskResult
from cc_executor.model.specs import TaskList, TaskSpec

ID = "01test00000000000001"
AT = 1_790_000_000.0


def outcome(
    state: TaskState = TaskState.SUCCEEDED,
    failure: Failure | None = None,
    *,
    text: str | None = None,
    exit_code: int | None = 0,
    **fields: Any,
) -> Outcome:
    """Return an outcome."""
    executed = Executed(
        ended_by=EndedBy.EXIT,
        exit_code=exit_code,
        started_at=AT,
        ended_at=AT + 2,
        duration_s=2.0,
    )
    return Outcome(
        state=state,
        failure=failure,
        executed=executed,
        claimed=Claimed(text=text),
        **fields,
    )


def task(
    number: int = 1,
    name: str = "",
    *,
    of: str = ID,
    command: Sequence[str] | None = None,
    ended: Outcome | None = None,
    state: TaskState | None = None,
    **fields: Any,
) -> TaskResult:
    """Return a task of a prompt, or of a command."""
    spec = (
        TaskSpec(name=name or f"task-{number}", command=tuple(command))
        if command
        else TaskSpec(name=name or f"task-{number}", prompt="Do it.")
    )
    record = TaskRecord(
        id=f"{of}.{number}",
        execution_id=of,
        number=number,
        spec=spec,
        state=state or (ended.state if ended else TaskState.QUEUED),
        outcome=ended,
        **{"attempts": 1, "started_at": AT, "ended_at": AT + 2, **fields} if ended else fields,
    )
    return TaskResult(record=record)


def execution(*tasks: TaskResult, of: str = ID, title: str = "") -> ExecutionResult:
    """Return an execution of the tasks; its state is what theirs make it."""
    tasks = tasks or (task(of=of),)
    state = state_of_list([one.state for one in tasks])
    record = ExecutionRecord(
        id=of,
        host=Host.IN_PROCESS,
        state=state,
        task_list=TaskList(
            tasks=tuple(one.record.spec for one in tasks), workspace="/somewhere", title=title
        ),
        created_at=AT,
        ended_at=AT + 3 if is_final(state) else None,
    )
    return ExecutionResult(record=record, tasks=tasks)


def lifecycle(
    kind: str, seq: int = 1, *, task_id: str | None = None, attempt: int | None = None, **data: Any
) -> Lifecycle:
    """Return a lifecycle event; `task.*` and `attempt.*` are about the first task."""
    if task_id is None and not kind.startswith("execution."):
        task_id = f"{ID}.1"
    return Lifecycle(
        seq=seq,
        at=AT + seq,
        execution_id=ID,
        kind=kind,
        task_id=task_id,
        attempt=attempt,
        data=data,
    )


NOTHING_EXPECTED = Outlook(forecast=NOTHING_LEFT, tasks=())


@dataclass
class FakeExecutor:
    """Implements `Executing` with one execution.

    Attributes:
        accepted: What `submit` and `continue_` return.
        ended: What it has become when it is waited for.
        events: What `stream` yields.
        refuses: By method name, what it raises.
        said: Every call: method, arguments.
        hold: Waited for before the stream ends; None: it ends at once.
        closed: Whether it has been left.
        expected: What `forecast` returns.
    """

    accepted: ExecutionResult = field(default_factory=execution)
    ended: ExecutionResult = field(default_factory=lambda: execution(task(ended=outcome())))
    events: Sequence[StreamEvent] = ()
    refuses: Mapping[str, CCExecutorError] = field(default_factory=dict)
    said: list[tuple[str, Any]] = field(default_factory=list)
    hold: asyncio.Event | None = None
    closed: bool = False
    expected: Outlook = NOTHING_EXPECTED

    async def __aenter__(self) -> Self:
        self._call("open")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closed = True

    async def submit(
        self,
        tasks: TaskList | Sequence[Any] | dict[str, Any] | str,
        *,
        workspace: str | Path | None = None,
        execution_id: str | None = None,
        sequential: bool = True,
        stop_on_failure: bool | None = None,
        detached: bool = False,
    ) -> ExecutionResult:
        """Accept anything."""
        self._call(
            "submit",
            tasks=tasks,
            workspace=workspace,
            execution_id=execution_id,
            sequential=sequential,
            stop_on_failure=stop_on_failure,
            detached=detached,
        )
        return self.accepted

    async def continue_(self, execution_id: str, *, detached: bool = False) -> ExecutionResult:
        """Accept it."""
        self._call("continue_", execution_id=execution_id, detached=detached)
        return self.accepted

    async def wait(self, execution_id: str, *, cancel_with_caller: bool = True) -> ExecutionResult:
        """Return what it has become."""
        self._call("wait", execution_id=execution_id, cancel_with_caller=cancel_with_caller)
        if self.hold is not None:
            await self.hold.wait()
        return self.ended

    async def stream(
        self,
        execution_id: str,
        *,
        after: Cursor | None = None,
        agent_events: bool = True,
        until_end: bool = True,
    ) -> AsyncIterator[StreamEvent]:
        """Yield the events."""
        self._call(
            "stream",
            execution_id=execution_id,
            after=after,
            agent_events=agent_events,
            until_end=until_end,
        )
        for event in self.events:
            yield event
        if self.hold is not None and until_end:
            await self.hold.wait()

    async def pause(self, of: str) -> ExecutionResult:
        """Note the wish."""
        self._call("pause", of=of)
        return self.ended

    async def resume(self, of: str) -> ExecutionResult:
        """Note the wish."""
        self._call("resume", of=of)
        return self.ended

    async def cancel(self, of: str, *, now: bool = False) -> ExecutionResult:
        """Note the wish, and let what is held go."""
        self._call("cancel", of=of, now=now)
        if self.hold is not None:
            if self.hold.is_set():
                raise InvalidTransition("cancelled", "cancel")
            self.ended = execution(task(ended=outcome(TaskState.CANCELLED, Failure.CANCELLED)))
            self.hold.set()
        return self.ended

    async def settled(self) -> None:
        """Note it."""
        self._call("settled")

    async def get(self, execution_id: str) -> ExecutionResult:
        """Return what it has become."""
        self._call("get", execution_id=execution_id)
        return self.ended

    async def progress(self, execution_id: str) -> Sequence[Progress]:
        """Return how far its tasks are by the events."""
        self._call("progress", execution_id=execution_id)
        board = ExecutionProgress(one.record for one in self.ended.tasks)
        for event in self.events:
            board.take(event)
        return board.all(at=AT + 60)

    async def list(
        self, *, states: Sequence[TaskState] | None = None, limit: int = 100
    ) -> Sequence[ExecutionRecord]:
        """Return it, if its state is asked for."""
        self._call("list", states=states, limit=limit)
        known = [self.ended.record]
        return [one for one in known if states is None or one.state in states]

    async def history(self, *, limit: int = 100) -> Sequence[ExecutionResult]:
        """Return it, if it has ended."""
        self._call("history", limit=limit)
        return [self.ended] if self.ended.is_final else []

    async def evidence(self, execution_id: str) -> Evidence:
        """Return what there is of it: no attempts, no events."""
        self._call("evidence", execution_id=execution_id)
        tasks = tuple(one.record for one in self.ended.tasks)
        return Evidence(execution=self.ended.record, tasks=tasks, attempts=(), events=())

    async def verify(self, execution_id: str) -> Examination:
        """Return an examination that has found nothing."""
        self._call("verify", execution_id=execution_id)
        return Examination(
            execution_id=self.ended.id,
            source="fake",
            state=self.ended.state,
            proofs=(),
            tasks=tuple(standing(one.record, ()) for one in self.ended.tasks),
        )

    async def export_bundle(
        self, execution_id: str, path: str | Path, *, sign_with: str | Path | None = None
    ) -> str:
        """Write nothing."""
        self._call("export_bundle", execution_id=execution_id, path=path, sign_with=sign_with)
        return "0" * 64

    async def forecast(
        self,
        tasks: TaskList | Sequence[Any] | dict[str, Any] | str,
        *,
        workspace: str | Path | None = None,
        sequential: bool = True,
    ) -> Outlook:
        """Return what is expected."""
        self._call("forecast", tasks=tasks, workspace=workspace, sequential=sequential)
        return self.expected

    async def forecast_left(self, execution_id: str) -> Outlook:
        """Return what is expected."""
        self._call("forecast_left", execution_id=execution_id)
        return self.expected

    async def find_task(self, of: str) -> tuple[str, TaskRecord | None]:
        """Find it by any beginning of its id."""
        self._call("find_task", of=of)
        prefix, dot, which = of.partition(".")
        if not self.ended.id.startswith(prefix):
            raise ExecutionNotFound(of)
        if not dot:
            return self.ended.id, None
        for one in self.ended.tasks:
            if which in (str(one.record.number), one.name):
                return self.ended.id, one.record
        raise TaskNotFound(of)

    def calls(self, method: str) -> Sequence[Any]:
        """Return the arguments of the calls of a method."""
        return [arguments for name, arguments in self.said if name == method]

    def _call(self, method: str, **arguments: Any) -> None:
        self.said.append((method, arguments))
        if method in self.refuses:
            raise self.refuses[method]


def with_structured(one: TaskResult, value: Any) -> TaskResult:
    """Return the task with a structured answer."""
    assert one.record.outcome is not None
    claimed = msgspec.structs.replace(one.record.outcome.claimed, structured=value)
    ended = msgspec.structs.replace(one.record.outcome, claimed=claimed)
    return TaskResult(record=msgspec.structs.replace(one.record, outcome=ended))

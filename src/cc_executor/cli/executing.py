"""What the command line asks of a client; `Executor` and `Client` have it all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from cc_executor.errors import EvidenceElsewhere

if TYPE_CHECKING:
    from cc_executor.model.bundles import Evidence
    from cc_executor.model.events import Cursor, StreamEvent
    from cc_executor.model.lifecycle import TaskState
    from cc_executor.model.outlooks import Outlook
    from cc_executor.model.progress import Progress
    from cc_executor.model.proofs import Examination
    from cc_executor.model.records import ExecutionRecord, TaskRecord
    from cc_executor.model.results import ExecutionResult
    from cc_executor.model.specs import TaskList
    from cc_executor.settings import Settings


class Executing(Protocol):
    """Runs, reads and controls executions; every method may raise a `CCExecutorError`."""

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
        """Accept a task list and start it."""
        ...

    async def continue_(self, execution_id: str, *, detached: bool = False) -> ExecutionResult:
        """Start a new execution of what an ended one has left undone."""
        ...

    async def wait(self, execution_id: str, *, cancel_with_caller: bool = True) -> ExecutionResult:
        """Return the execution when it has ended."""
        ...

    def stream(
        self,
        execution_id: str,
        *,
        after: Cursor | None = None,
        agent_events: bool = True,
        until_end: bool = True,
    ) -> AsyncIterator[StreamEvent]:
        """Iterate over everything that happens, in order."""
        ...

    async def pause(self, of: str) -> ExecutionResult:
        """Freeze an execution or a task."""
        ...

    async def resume(self, of: str) -> ExecutionResult:
        """Let it go on."""
        ...

    async def cancel(self, of: str, *, now: bool = False) -> ExecutionResult:
        """End it, and return when no process of it is left."""
        ...

    async def settled(self) -> None:
        """Return when what callers that have died left behind is settled."""
        ...

    async def get(self, execution_id: str) -> ExecutionResult:
        """Return an execution as it stands."""
        ...

    async def progress(self, execution_id: str) -> Sequence[Progress]:
        """Return how far each task of an execution is."""
        ...

    async def list(
        self, *, states: Sequence[TaskState] | None = None, limit: int = 100
    ) -> Sequence[ExecutionRecord]:
        """Return executions, newest first."""
        ...

    async def history(self, *, limit: int = 100) -> Sequence[ExecutionResult]:
        """Return ended executions, newest first."""
        ...

    async def forecast(
        self,
        tasks: TaskList | Sequence[Any] | dict[str, Any] | str,
        *,
        workspace: str | Path | None = None,
        sequential: bool = True,
    ) -> Outlook:
        """Return what a task list may take and cost."""
        ...

    async def forecast_left(self, execution_id: str) -> Outlook:
        """Return what an execution has left."""
        ...

    async def find_task(self, of: str) -> tuple[str, TaskRecord | None]:
        """Return the execution, and the task if `of` names one."""
        ...


@runtime_checkable
class Examining(Protocol):
    """What a client has besides when the files that it asks about are its own."""

    async def evidence(self, execution_id: str) -> Evidence:
        """Return everything that is recorded about an ended execution."""
        ...

    async def verify(self, execution_id: str) -> Examination:
        """Look at all evidence of an ended execution again."""
        ...

    async def export_bundle(
        self, execution_id: str, path: str | Path, *, sign_with: str | Path | None = None
    ) -> str:
        """Write that evidence into a bundle, and return its root digest."""
        ...


def examining(executor: Executing, execution_id: str) -> Examining:
    """Return the client as one that can look at evidence.

    Raises:
        EvidenceElsewhere: It is a server's, which does not send any.
    """
    if isinstance(executor, Examining):
        return executor
    raise EvidenceElsewhere(execution_id)


class OpenExecutor(Protocol):
    """Opens a client under settings; in tests it opens a fake."""

    def __call__(self, settings: Settings) -> AbstractAsyncContextManager[Executing]:
        """Return the client, to be entered."""
        ...

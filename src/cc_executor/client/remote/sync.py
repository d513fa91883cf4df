"""`Client` for callers without an event loop: the same names, each call blocks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from cc_executor.client.asking import Asked
from cc_executor.client.remote.client import Client
from cc_executor.model.events import Cursor, StreamEvent
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outlooks import Outlook
from cc_executor.model.progress import Progress
from cc_executor.model.records import ExecutionRecord, TaskRecord
from cc_executor.model.results import ExecutionResult
from cc_executor.model.specs import TaskList
from cc_executor.protocol.methods import status

T = TypeVar("T")

_END: Final = object()
#: How long a call that was interrupted may take to end what it began.
_LETTING_GO_S: Final = 90.0


class SyncClient:
    """Does what `Client` does, from any thread; an event loop runs behind it in one of its own.

    Use it as a context manager. Arguments, results and errors are those of `Client`. Several
    threads may share one.

    Args:
        *arguments: As for `Client`.
        **options: As for `Client`.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._client = Client(*arguments, **options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        # A daemon: a caller that forgets to leave must not keep the interpreter from ending.
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="cc-executor client", daemon=True
        )
        self._thread.start()
        try:
            self._do(self._client.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._do(self._client.__aexit__(kind, error, traceback))
        finally:
            self._stop()

    # --- running -----------------------------------------------------------------------------

    def submit(
        self,
        tasks: TaskList | Asked,
        *,
        workspace: str | Path | None = None,
        execution_id: str | None = None,
        sequential: bool = True,
        stop_on_failure: bool | None = None,
        detached: bool = True,
        idempotency_key: str | None = None,
    ) -> ExecutionResult:
        """Accept a task list and start it. See `Client.submit`."""
        return self._do(
            self._client.submit(
                tasks,
                workspace=workspace,
                execution_id=execution_id,
                sequential=sequential,
                stop_on_failure=stop_on_failure,
                detached=detached,
                idempotency_key=idempotency_key,
            )
        )

    def run(
        self,
        tasks: TaskList | Asked,
        *,
        workspace: str | Path | None = None,
        execution_id: str | None = None,
        sequential: bool = True,
        stop_on_failure: bool | None = None,
    ) -> ExecutionResult:
        """Submit a task list and return it when it has ended. Ctrl-C cancels it."""
        return self._do(
            self._client.run(
                tasks,
                workspace=workspace,
                execution_id=execution_id,
                sequential=sequential,
                stop_on_failure=stop_on_failure,
            )
        )

    def wait(self, execution_id: str, *, cancel_with_caller: bool = True) -> ExecutionResult:
        """Return the execution when it has ended. See `Client.wait`."""
        return self._do(self._client.wait(execution_id, cancel_with_caller=cancel_with_caller))

    def continue_(self, execution_id: str, *, detached: bool = True) -> ExecutionResult:
        """Start a new execution of what an ended one has left. See `Client.continue_`."""
        return self._do(self._client.continue_(execution_id, detached=detached))

    def stream(
        self,
        execution_id: str,
        *,
        after: Cursor | None = None,
        agent_events: bool = True,
        until_end: bool = True,
    ) -> Iterator[StreamEvent]:
        """Iterate over everything that happens. See `Client.stream`.

        Closing the iterator, or leaving it to the garbage collector, ends the stream.
        """
        events = self._client.stream(
            execution_id, after=after, agent_events=agent_events, until_end=until_end
        )

        async def following() -> StreamEvent | object:
            return await anext(events, _END)

        async def close() -> None:
            await events.aclose()  # type: ignore[attr-defined] # it is an async generator

        try:
            while (event := self._do(following())) is not _END:
                yield event  # type: ignore[misc] # everything but the mark is an event
        finally:
            if self._loop is not None:
                self._do(close())

    # --- controlling -------------------------------------------------------------------------

    def pause(self, of: str) -> ExecutionResult:
        """Freeze an execution, or one task of it. See `Client.pause`."""
        return self._do(self._client.pause(of))

    def resume(self, of: str) -> ExecutionResult:
        """Let it go on. See `Client.resume`."""
        return self._do(self._client.resume(of))

    def cancel(self, of: str, *, now: bool = False) -> ExecutionResult:
        """End it, and return when no process of it is left. See `Client.cancel`."""
        return self._do(self._client.cancel(of, now=now))

    # --- reading -----------------------------------------------------------------------------

    def get(self, execution_id: str) -> ExecutionResult:
        """Return an execution as it stands. See `Client.get`."""
        return self._do(self._client.get(execution_id))

    def list(
        self, *, states: Sequence[TaskState] | None = None, limit: int = 100
    ) -> tuple[ExecutionRecord, ...]:
        """Return executions, newest first. See `Client.list`."""
        return self._do(self._client.list(states=states, limit=limit))

    def history(self, *, limit: int = 100) -> tuple[ExecutionResult, ...]:
        """Return ended executions with their tasks, newest first."""
        return self._do(self._client.history(limit=limit))

    def progress(self, execution_id: str) -> tuple[Progress, ...]:
        """Return how far each task of an execution is, in list order."""
        return self._do(self._client.progress(execution_id))

    def forecast(
        self,
        tasks: TaskList | Asked,
        *,
        workspace: str | Path | None = None,
        sequential: bool = True,
    ) -> Outlook:
        """Return what a task list may take and cost. See `Client.forecast`."""
        return self._do(self._client.forecast(tasks, workspace=workspace, sequential=sequential))

    def forecast_left(self, execution_id: str) -> Outlook:
        """Return what an execution has left. See `Client.forecast_left`."""
        return self._do(self._client.forecast_left(execution_id))

    def status(self) -> status.Result:
        """Return how the server, our session on it, and its machine are."""
        return self._do(self._client.status())

    def find(self, execution_id: str) -> str:
        """Return the full id that a prefix stands for."""
        return self._do(self._client.find(execution_id))

    def find_task(self, of: str) -> tuple[str, TaskRecord | None]:
        """Return the execution, and the task if `of` names one. See `Client.find_task`."""
        return self._do(self._client.find_task(of))

    def task_list(
        self,
        tasks: TaskList | Asked,
        *,
        workspace: str | Path | None = None,
        sequential: bool = True,
        stop_on_failure: bool | None = None,
    ) -> TaskList:
        """Return the checked list that `submit` would send. See `Client.task_list`."""
        return self._client.task_list(
            tasks, workspace=workspace, sequential=sequential, stop_on_failure=stop_on_failure
        )

    # --- the thread --------------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine comes to on the loop; it is cancelled when the caller is."""
        if self._loop is None:
            work.close()
            raise RuntimeError("use `with SyncClient(...) as client`")
        over = threading.Event()

        async def whole() -> T:
            try:
                return await work
            finally:
                over.set()

        future: Future[T] = asyncio.run_coroutine_threadsafe(whole(), self._loop)
        try:
            return future.result()
        except BaseException:
            if future.cancel():
                over.wait(_LETTING_GO_S)  # a run that is cancelled cancels its execution first
            raise

    def _stop(self) -> None:
        loop, self._loop = self._loop, None
        thread, self._thread = self._thread, None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

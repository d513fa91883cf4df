"""The embedded client: an engine in the caller's process, on a state directory shared with all."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cc_executor import __version__
from cc_executor.client.asking import list_value
from cc_executor.client.config import CCExecutorConfig
from cc_executor.engine.engine import Engine
from cc_executor.engine.views import view
from cc_executor.errors import ExecutionNotEnded, TaskNotFound
from cc_executor.evidence.examine import examine, recorded_workspaces
from cc_executor.evidence.gather import gather
from cc_executor.evidence.signing import sign
from cc_executor.evidence.sources import AttemptFolders
from cc_executor.evidence.writing import write_bundle
from cc_executor.model.bundles import Evidence
from cc_executor.model.events import Cursor, StreamEvent
from cc_executor.model.ids import execution_of
from cc_executor.model.lifecycle import TaskState, is_final
from cc_executor.model.lists import task_list
from cc_executor.model.outlooks import Outlook
from cc_executor.model.progress import Progress
from cc_executor.model.proofs import Examination
from cc_executor.model.records import ExecutionRecord, Host, TaskRecord, Wish
from cc_executor.model.results import ExecutionResult
from cc_executor.model.specs import TaskList
from cc_executor.ports.store import Store
from cc_executor.settings import Settings, load_settings
from cc_executor.wiring import open_engine


class Executor:
    """Runs task lists, and sees and controls what any other process on this state directory runs.

    Use it as an async context manager. What it runs in this process is cancelled at the end;
    `detached` executions live on.

    Args:
        config: Defaults for tasks, and settings.
        settings: Settings as loaded; None: from files, environment and `config`.
        environ: The environment that agents may inherit from; None: this process's own.
    """

    def __init__(
        self,
        config: CCExecutorConfig | None = None,
        *,
        settings: Settings | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._config = config or CCExecutorConfig()
        self._settings = settings
        self._environ = os.environ if environ is None else environ
        self._engine: Engine | None = None
        self._store: Store | None = None

    async def __aenter__(self) -> Self:
        if self._settings is None:
            self._settings = await asyncio.to_thread(
                load_settings, environ=self._environ, flags=self._config.flags()
            )
        self._engine, self._store = await open_engine(
            self._settings, Host.IN_PROCESS, environ=self._environ
        )
        await self._engine.recover()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._engine is not None:
            await self._engine.aclose()
            self._engine = self._store = None

    # --- running -----------------------------------------------------------------------------

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
        """Accept a task list and start it; what is returned survives everything.

        Args:
            tasks: A prompt, a list of prompts or task mappings, a mapping as in a task file, or a
                `TaskList`.
            workspace: Directory to work in; None: the configuration's, else the current one.
            execution_id: The caller's choice of an id; None for a new one.
            sequential: Whether a task without `needs` waits for the one before it.
            stop_on_failure: Whether a failure skips what is left; None: as the list says.
            detached: Run it in an engine process of its own that outlives the caller.

        Raises:
            CCExecutorError: It was refused; nothing was recorded or started.
        """
        checked = self.task_list(
            tasks, workspace=workspace, sequential=sequential, stop_on_failure=stop_on_failure
        )
        if detached:
            record = await self._running.enlist(
                checked, execution_id=execution_id, host=Host.DETACHED
            )
            await self._running.detach(record.id)
        else:
            record = await self._running.submit(
                checked, execution_id=execution_id, host=Host.IN_PROCESS
            )
        return await self._view(record.id)

    async def run(
        self,
        tasks: TaskList | Sequence[Any] | dict[str, Any] | str,
        *,
        workspace: str | Path | None = None,
        execution_id: str | None = None,
        sequential: bool = True,
        stop_on_failure: bool | None = None,
    ) -> ExecutionResult:
        """Accept a task list and return it when it has ended, well or not. Arguments: `submit`.

        Cancelling this cancels the execution, and returns when its agents are gone.
        """
        checked = self.task_list(
            tasks, workspace=workspace, sequential=sequential, stop_on_failure=stop_on_failure
        )
        record = await self._running.submit(
            checked, execution_id=execution_id, host=Host.IN_PROCESS
        )
        return await self._wait(record.id, cancel_with_caller=True)

    async def wait(self, execution_id: str, *, cancel_with_caller: bool = True) -> ExecutionResult:
        """Return the execution when it has ended.

        Args:
            execution_id: Id, or unique prefix of one.
            cancel_with_caller: Cancel the execution when this wait is cancelled.
        """
        full_id = await self.find(execution_id)
        return await self._wait(full_id, cancel_with_caller=cancel_with_caller)

    async def _wait(self, full_id: str, *, cancel_with_caller: bool) -> ExecutionResult:
        try:
            await self._running.finished(full_id)
        except asyncio.CancelledError:
            if cancel_with_caller:
                await asyncio.shield(self.cancel(full_id))
            raise
        return await self._view(full_id)

    async def continue_(self, execution_id: str, *, detached: bool = False) -> ExecutionResult:
        """Start a new execution of what an ended one has left undone.

        Raises:
            NothingToContinue: It has succeeded, or has not ended.
        """
        full_id = await self.find(execution_id)
        await self.settled()  # its caller may have died a moment ago
        host = Host.DETACHED if detached else Host.IN_PROCESS
        record = await self._running.continue_(full_id, host=host, here=not detached)
        if detached:
            await self._running.detach(record.id)
        return await self.get(record.id)

    async def stream(
        self,
        execution_id: str,
        *,
        after: Cursor | None = None,
        agent_events: bool = True,
        until_end: bool = True,
    ) -> AsyncIterator[StreamEvent]:
        """Iterate over everything that happens, typed and in order, from `after` to the end.

        Args:
            execution_id: Id, or unique prefix of one.
            after: What has been seen already; None: nothing.
            agent_events: Whether to read the agent's output as well as pass it on.
            until_end: Wait for what is to come; False: stop at what is there now.
        """
        full_id = await self.find(execution_id)
        stream = self._running.follow(
            full_id, after=after, agent_events=agent_events, until_end=until_end
        )
        async for event in stream:
            yield event

    # --- controlling -------------------------------------------------------------------------

    async def pause(self, of: str) -> ExecutionResult:
        """Freeze an execution, or one task of it, wherever it runs. `of`: the id of either."""
        return await self._wish(of, Wish.PAUSE)

    async def resume(self, of: str) -> ExecutionResult:
        """Let it go on."""
        return await self._wish(of, Wish.RESUME)

    async def cancel(self, of: str, *, now: bool = False) -> ExecutionResult:
        """End it, and return when no process of it is left.

        Args:
            of: Id of an execution or task.
            now: Kill at once instead of asking the agent to end first.

        Raises:
            InvalidTransition: It has ended already.
        """
        return await self._wish(of, Wish.KILL if now else Wish.CANCEL)

    async def _wish(self, of: str, wish: Wish) -> ExecutionResult:
        execution_id, task = await self.find_task(of)
        record = await self._running.wish(
            execution_id, wish, task_id=task.id if task is not None else None
        )
        return await self.get(record.id)

    async def settled(self) -> None:
        """Return when what callers that have died left behind is stopped and settled.

        It is taken care of from the moment this is entered; who looks at it may want to see the
        end of that. Bounded by the stop ladders of what still runs.
        """
        await self._running.settled()

    # --- reading -----------------------------------------------------------------------------

    async def get(self, execution_id: str) -> ExecutionResult:
        """Return an execution as it stands. Takes a unique prefix of an id, too.

        Raises:
            ExecutionNotFound, AmbiguousId: It is none, or several.
        """
        return await self._view(await self.find(execution_id))

    async def _view(self, full_id: str) -> ExecutionResult:
        return await view(self._records, full_id)

    async def progress(self, execution_id: str) -> tuple[Progress, ...]:
        """Return how far each task of an execution is, in list order, wherever it runs.

        Reads what the agents that run now have written; `stream` tells what happens next.
        """
        return await self._running.progress(await self.find(execution_id))

    async def list(
        self, *, states: Sequence[TaskState] | None = None, limit: int = 100
    ) -> tuple[ExecutionRecord, ...]:
        """Return executions, newest first.

        Args:
            states: Only these; None for all.
            limit: At most this many, up to 1,000.
        """
        return await self._records.executions(states=states, limit=limit)

    async def history(self, *, limit: int = 100) -> tuple[ExecutionResult, ...]:
        """Return ended executions with their tasks, newest first."""
        ended = [state for state in TaskState if state not in _UNFINISHED]
        newest = await self._records.executions(states=ended, limit=limit)
        return tuple([await self.get(one.id) for one in newest])

    async def forecast(
        self,
        tasks: TaskList | Sequence[Any] | dict[str, Any] | str,
        *,
        workspace: str | Path | None = None,
        sequential: bool = True,
    ) -> Outlook:
        """Return what a task list may take and cost; nothing is recorded or started.

        Args:
            tasks: As for `submit`.
            workspace: As for `submit`; a forecast does not depend on it.
            sequential: Whether a task without `needs` waits for the one before it.

        Raises:
            InvalidSpec, InvalidPrompt, UnknownAgent: It could not run.
        """
        checked = self.task_list(tasks, workspace=workspace, sequential=sequential)
        return await self._running.forecast(checked)

    async def forecast_left(self, execution_id: str) -> Outlook:
        """Return what an execution has left, wherever it runs. Takes a unique prefix, too.

        Raises:
            ExecutionNotFound, AmbiguousId: It is none, or several.
        """
        return await self._running.forecast_left(await self.find(execution_id))

    # --- evidence ----------------------------------------------------------------------------

    async def evidence(self, execution_id: str) -> Evidence:
        """Return everything that is recorded about an execution that has ended.

        Raises:
            ExecutionNotEnded: More evidence is to come.
        """
        evidence = await gather(self._records, await self.find(execution_id))
        if not is_final(evidence.execution.state):
            raise ExecutionNotEnded(evidence.execution.id, evidence.execution.state)
        return evidence

    async def verify(self, execution_id: str) -> Examination:
        """Look at all evidence of an ended execution again, and say what of it still holds.

        Nothing is run again. The output of every child is read to its end, the records are
        compared with it and with each other, and files with what they held.

        Raises:
            ExecutionNotEnded: More evidence is to come.
        """
        evidence = await self.evidence(execution_id)
        source = AttemptFolders(self._running.journals)
        return await asyncio.to_thread(
            examine, evidence, source, workspaces=recorded_workspaces(evidence)
        )

    async def export_bundle(
        self, execution_id: str, path: str | Path, *, sign_with: str | Path | None = None
    ) -> str:
        """Write the evidence of an ended execution into a bundle, and return its root digest.

        Args:
            execution_id: Id, or unique prefix of one.
            path: A tar file where it ends in `.tar`, else a folder; it must not be there yet.
            sign_with: SSH key that signs it.

        Raises:
            ExecutionNotEnded, BundleRefused, ProgramNotInstalled: Nothing was written.
        """
        evidence = await self.evidence(execution_id)
        key = None if sign_with is None else Path(sign_with)
        manifest = await asyncio.to_thread(
            write_bundle,
            evidence,
            AttemptFolders(self._running.journals),
            Path(path),
            made_at=time.time(),
            made_by=f"cc-executor {__version__}",
            sign=None if key is None else partial(sign, key=key),
        )
        return manifest.root

    async def find(self, execution_id: str) -> str:
        """Return the full id that a prefix stands for."""
        return await self._records.find(execution_of(execution_id))

    async def find_task(self, of: str) -> tuple[str, TaskRecord | None]:
        """Return the execution, and the task if `of` names one: `EXECUTION.NUMBER` or `.NAME`.

        Raises:
            TaskNotFound: The execution has no such task.
        """
        execution_id = await self.find(of)
        _, dot, which = of.partition(".")
        if not dot:
            return execution_id, None
        for task in await self._records.tasks(execution_id):
            if which in (str(task.number), task.name):
                return execution_id, task
        raise TaskNotFound(of)

    def task_list(
        self,
        tasks: TaskList | Sequence[Any] | dict[str, Any] | str,
        *,
        workspace: str | Path | None = None,
        sequential: bool = True,
        stop_on_failure: bool | None = None,
    ) -> TaskList:
        """Return the checked list that `submit` would run.

        Raises:
            InvalidSpec, InvalidPrompt: It cannot run.
        """
        if isinstance(tasks, TaskList):
            return tasks
        value = list_value(tasks, self._config, stop_on_failure=stop_on_failure)
        base = workspace or self._config.workspace or Path.cwd()
        return task_list(value, workspace=str(Path(base).absolute()), sequential=sequential)

    def folder(self, execution_id: str) -> Path:
        """Return the folder of an execution in the state directory; `execution_id`: in full."""
        return self._running.journals.folder(f"{execution_id}.1.1").parent.parent

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        if self._settings is None:
            raise RuntimeError("use `async with Executor() as executor`")
        return self._settings

    @property
    def engine(self) -> Engine:
        """The engine inside, for what has no name here."""
        return self._running

    @property
    def _running(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("use `async with Executor() as executor`")
        return self._engine

    @property
    def _records(self) -> Store:
        if self._store is None:
            raise RuntimeError("use `async with Executor() as executor`")
        return self._store


_UNFINISHED = (TaskState.QUEUED, TaskState.RUNNING, TaskState.PAUSED)

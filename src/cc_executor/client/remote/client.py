"""The client of a server: the same names as the embedded `Executor`, over WebSockets."""

from __future__ import annotations

import asyncio
import os
import posixpath
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from cc_executor.client.asking import Asked, list_value
from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.remote.address import Address, address
from cc_executor.client.remote.calls import Calls
from cc_executor.client.remote.following import Following
from cc_executor.client.remote.target import Bounds, Target, token_of, trusting
from cc_executor.errors import (
    DuplicateExecution,
    InvalidSetting,
    InvalidSpec,
    TaskNotFound,
)
from cc_executor.model.events import Cursor, StreamEvent
from cc_executor.model.ids import execution_of
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.lists import task_list
from cc_executor.model.outlooks import Outlook
from cc_executor.model.progress import Progress
from cc_executor.model.records import ExecutionRecord, TaskRecord
from cc_executor.model.results import ExecutionResult
from cc_executor.model.specs import TaskList
from cc_executor.protocol.methods import (
    execution_cancel,
    execution_continue,
    execution_get,
    execution_list,
    execution_pause,
    execution_progress,
    execution_resume,
    execution_wait,
    forecast_get,
    history_list,
    status,
    task_cancel,
    task_list_submit,
    task_pause,
    task_resume,
)
from cc_executor.settings import Settings, load_settings

#: Executions of one answer: a few hundred with long prompts would be larger than we take.
_PAGE: Final = 50
_HISTORY_PAGE: Final = 10
_MAX_LIMIT: Final = 1000
#: How long the server is asked to wait, and for how many at once; for others in short turns.
_WAIT_S: Final = 30.0
_SHORT_WAIT_S: Final = 1.0
_WAITS_AT_ONCE: Final = 32


_Result = TypeVar("_Result")


class _Recorded(msgspec.Struct):
    record: ExecutionResult


class _Listed(msgspec.Struct):
    record: ExecutionRecord


class _List(msgspec.Struct):
    executions: list[_Listed]
    next: str | None = None


class _History(msgspec.Struct):
    executions: list[_Recorded]
    next: str | None = None


class _Anything(msgspec.Struct):
    """A result that nobody looks at."""


class Client:
    """Runs task lists on a server, and sees and controls what it runs.

    Use it as an async context manager. What it has submitted goes on without it. A connection
    that is lost is made again: reads are repeated, a submit is repeated under its key so that it
    happens once, streams go on where they were. Calls share one connection; each stream has one
    of its own.

    Args:
        url: `ws://`, `wss://`, `http://`, `https://` or `unix:///PATH`; None: the setting `server`.
        token: The token to show.
        token_file: File that holds it; None: the setting `token_file`; for servers of this machine
            also the token of the state directory. A token is never sent in the clear to another
            machine.
        tls: Whom to trust; None: whom the system trusts, or the setting `server_ca`.
        config: Defaults for tasks, and settings.
        settings: Settings as loaded; None: from files, environment and `config`.
        environ: Where settings are read from; None: this process's own environment.
        bounds: How long to wait, and for how much.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        token_file: str | Path | None = None,
        tls: ssl.SSLContext | None = None,
        config: CCExecutorConfig | None = None,
        settings: Settings | None = None,
        environ: Mapping[str, str] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._url = url
        self._token = token
        self._token_file = token_file
        self._tls = tls
        self._config = config or CCExecutorConfig()
        self._settings = settings
        self._environ = os.environ if environ is None else environ
        self._bounds = bounds or Bounds()
        self._target: Target | None = None
        self._calls: Calls | None = None
        self._waiting = 0

    async def __aenter__(self) -> Self:
        self._target = await asyncio.to_thread(self._aim)
        calls = Calls(self._target)
        await calls.open()
        self._calls = calls
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        calls, self._calls = self._calls, None
        if calls is not None:
            await calls.aclose()

    def _aim(self) -> Target:
        """Return the server that is meant. Blocking (files).

        Raises:
            InvalidSetting: None is named, or what is named is none.
        """
        if self._settings is None:
            self._settings = load_settings(environ=self._environ, flags=self._config.flags())
        settings = self._settings
        url = self._url or settings.server
        if url is None:
            raise InvalidSetting(
                "server",
                "is not set: no server is named",
                origin=settings.origin("server"),
                hint="Give a URL, or set CC_EXECUTOR_SERVER.",
            )
        where = address(url)
        file = Path(self._token_file) if self._token_file is not None else settings.token_file
        token = token_of(where, token=self._token, file=file, home=settings.home)
        tls = self._tls
        if tls is None and settings.server_ca is not None:
            tls = trusting(settings.server_ca)
        return Target(where, token, tls=tls, bounds=self._bounds)

    # --- running -----------------------------------------------------------------------------

    async def submit(
        self,
        tasks: TaskList | Asked,
        *,
        workspace: str | Path | None = None,
        execution_id: str | None = None,
        sequential: bool = True,
        stop_on_failure: bool | None = None,
        detached: bool = True,  # noqa: ARG002 - the same arguments as `Executor.submit`
        idempotency_key: str | None = None,
    ) -> ExecutionResult:
        """Accept a task list and start it; what is returned survives everything.

        Args:
            tasks: A prompt, a list of prompts or task mappings, a mapping as in a task file, or a
                `TaskList`.
            workspace: Directory to work in. On a server of this machine a relative one, or none,
                is relative to the current directory; elsewhere to the server's.
            execution_id: The caller's choice of an id; None for a new one.
            sequential: Whether a task without `needs` waits for the one before it.
            stop_on_failure: Whether a failure skips what is left; None: as the list says.
            detached: Means nothing here: whatever a server runs outlives its clients.
            idempotency_key: The same key and list give the same execution, however often sent;
                None: a new one. Not together with `execution_id`.

        Raises:
            CCExecutorError: It was refused; nothing was recorded or started.
        """
        checked = self.task_list(
            tasks, workspace=workspace, sequential=sequential, stop_on_failure=stop_on_failure
        )
        if execution_id is not None:
            if idempotency_key is not None:
                raise InvalidSpec("execution_id", "cannot be chosen together with a key")
            return await self._submit_as(execution_id, checked)
        params = task_list_submit.params_for(
            checked, idempotency_key=idempotency_key or secrets.token_hex(16), records=True
        )
        return (await self._ask(task_list_submit.NAME, params, _Recorded)).record

    async def _submit_as(self, execution_id: str, checked: TaskList) -> ExecutionResult:
        params = task_list_submit.params_for(checked, execution_id=execution_id, records=True)
        calls = self._open
        asked_before = False

        def again() -> None:
            nonlocal asked_before
            asked_before = True

        try:
            answer = await calls.ask(task_list_submit.NAME, params, _Recorded, on_repeat=again)
        except DuplicateExecution:
            if not asked_before:
                raise
            return await self.get(execution_id)  # the answer that was lost
        return answer.record

    async def run(
        self,
        tasks: TaskList | Asked,
        *,
        workspace: str | Path | None = None,
        execution_id: str | None = None,
        sequential: bool = True,
        stop_on_failure: bool | None = None,
    ) -> ExecutionResult:
        """Submit a task list and return it when it has ended, well or not. Arguments: `submit`.

        Cancelling this cancels the execution, and returns when its agents are gone.
        """
        submitted = await self.submit(
            tasks,
            workspace=workspace,
            execution_id=execution_id,
            sequential=sequential,
            stop_on_failure=stop_on_failure,
        )
        return await self.wait(submitted.id)

    async def wait(self, execution_id: str, *, cancel_with_caller: bool = True) -> ExecutionResult:
        """Return the execution when it has ended.

        Args:
            execution_id: Id, or unique prefix of one.
            cancel_with_caller: Cancel the execution when this wait is cancelled.
        """
        self._waiting += 1
        try:
            while True:
                within_s = _WAIT_S if self._waiting <= _WAITS_AT_ONCE else _SHORT_WAIT_S
                params = execution_wait.Params(
                    execution_id=execution_id, within_s=within_s, records=True
                )
                result = (await self._ask(execution_wait.NAME, params, _Recorded)).record
                if result.is_final:
                    return result
        except asyncio.CancelledError:
            if cancel_with_caller:
                await asyncio.shield(self.cancel(execution_id))
            raise
        finally:
            self._waiting -= 1

    async def continue_(
        self,
        execution_id: str,
        *,
        detached: bool = True,  # noqa: ARG002 - the same arguments as `Executor.continue_`
    ) -> ExecutionResult:
        """Start a new execution of what an ended one has left undone.

        Raises:
            NothingToContinue: It has succeeded, or has not ended.
            ConnectionLost: It may have been started: look at `list`.
        """
        params = execution_continue.Params(execution_id=execution_id, records=True)
        answer = await self._open.ask(execution_continue.NAME, params, _Recorded, repeat=False)
        return answer.record

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
        following = Following(
            self._aimed,
            execution_id,
            after=after,
            agent_events=agent_events,
            until_end=until_end,
        )
        async with aclosing(following.events()) as events:
            async for event in events:
                yield event

    # --- controlling -------------------------------------------------------------------------

    async def pause(self, of: str) -> ExecutionResult:
        """Freeze an execution, or one task of it. `of`: the id of either.

        Raises:
            ConnectionLost: It may have been done.
        """
        if "." in of:
            return await self._of_task(of, task_pause.NAME, task_pause.Params(task_id=of))
        params = execution_pause.Params(execution_id=of, records=True)
        return await self._of_execution(execution_pause.NAME, params)

    async def resume(self, of: str) -> ExecutionResult:
        """Let it go on. Raises: as `pause`."""
        if "." in of:
            return await self._of_task(of, task_resume.NAME, task_resume.Params(task_id=of))
        params = execution_resume.Params(execution_id=of, records=True)
        return await self._of_execution(execution_resume.NAME, params)

    async def cancel(self, of: str, *, now: bool = False) -> ExecutionResult:
        """End it, and return when no process of it is left.

        Args:
            of: Id of an execution or task.
            now: Kill at once instead of asking the agent to end first.

        Raises:
            InvalidTransition: It has ended already.
            ConnectionLost: It may have been done.
        """
        if "." in of:
            return await self._of_task(
                of, task_cancel.NAME, task_cancel.Params(task_id=of, now=now)
            )
        params = execution_cancel.Params(execution_id=of, now=now, records=True)
        return await self._of_execution(execution_cancel.NAME, params)

    async def _of_execution(self, method: str, params: msgspec.Struct) -> ExecutionResult:
        return (await self._open.ask(method, params, _Recorded, repeat=False)).record

    async def _of_task(self, of: str, method: str, params: msgspec.Struct) -> ExecutionResult:
        await self._open.ask(method, params, _Anything, repeat=False)
        return await self.get(of)

    async def settled(self) -> None:
        """Return at once: a server looks after what has died by itself."""

    # --- reading -----------------------------------------------------------------------------

    async def get(self, execution_id: str) -> ExecutionResult:
        """Return an execution as it stands. Takes a unique prefix of an id, too.

        Raises:
            ExecutionNotFound, AmbiguousId: It is none, or several.
        """
        params = execution_get.Params(execution_id=execution_of(execution_id), records=True)
        return (await self._ask(execution_get.NAME, params, _Recorded)).record

    async def list(
        self, *, states: Sequence[TaskState] | None = None, limit: int = 100
    ) -> tuple[ExecutionRecord, ...]:
        """Return executions, newest first: our own, with the scope `admin` everybody's.

        Args:
            states: Only these; None for all.
            limit: At most this many, up to 1,000.
        """
        found: list[ExecutionRecord] = []
        wanted = None if states is None else tuple(states)
        before = None
        while (left := _checked(limit) - len(found)) > 0:
            params = execution_list.Params(
                states=wanted, before=before, limit=min(left, _PAGE), records=True
            )
            page = await self._ask(execution_list.NAME, params, _List)
            found += [one.record for one in page.executions]
            before = page.next
            if before is None:
                break
        return tuple(found)

    async def history(self, *, limit: int = 100) -> tuple[ExecutionResult, ...]:
        """Return ended executions with their tasks, newest first."""
        found: list[ExecutionResult] = []
        before = None
        while (left := _checked(limit) - len(found)) > 0:
            params = history_list.Params(
                before=before, limit=min(left, _HISTORY_PAGE), records=True
            )
            page = await self._ask(history_list.NAME, params, _History)
            found += [one.record for one in page.executions]
            before = page.next
            if before is None:
                break
        return tuple(found)

    async def progress(self, execution_id: str) -> tuple[Progress, ...]:
        """Return how far each task of an execution is, in list order. See `Executor.progress`."""
        params = execution_progress.Params(execution_id=execution_id)
        answer = await self._ask(execution_progress.NAME, params, execution_progress.Result)
        return tuple(answer.tasks)

    async def forecast(
        self,
        tasks: TaskList | Asked,
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
        return await self._ask(forecast_get.NAME, forecast_get.params_for(checked), Outlook)

    async def forecast_left(self, execution_id: str) -> Outlook:
        """Return what an execution has left, wherever it runs. Takes a unique prefix, too.

        Raises:
            ExecutionNotFound, AmbiguousId: It is none, or several.
        """
        return await self._ask(
            forecast_get.NAME,
            forecast_get.Params(execution_id=execution_of(execution_id)),
            Outlook,
        )

    async def status(self) -> status.Result:
        """Return how the server, our session on it, and its machine are."""
        return await self._ask(status.NAME, status.Params(), status.Result)

    async def find(self, execution_id: str) -> str:
        """Return the full id that a prefix stands for."""
        return (await self.get(execution_id)).id

    async def find_task(self, of: str) -> tuple[str, TaskRecord | None]:
        """Return the execution, and the task if `of` names one: `EXECUTION.NUMBER` or `.NAME`.

        Raises:
            TaskNotFound: The execution has no such task.
        """
        execution = await self.get(of)
        _, dot, which = of.partition(".")
        if not dot:
            return execution.id, None
        for task in execution.tasks:
            if which in (str(task.record.number), task.name):
                return execution.id, task.record
        raise TaskNotFound(of)

    def task_list(
        self,
        tasks: TaskList | Asked,
        *,
        workspace: str | Path | None = None,
        sequential: bool = True,
        stop_on_failure: bool | None = None,
    ) -> TaskList:
        """Return the checked list that `submit` would send.

        Its workspace is relative where the server is on another machine and nobody named an
        absolute one: the server knows to what.

        Raises:
            InvalidSpec, InvalidPrompt: It cannot run.
        """
        if isinstance(tasks, TaskList):
            return tasks
        value = list_value(tasks, self._config, stop_on_failure=stop_on_failure)
        base = workspace or self._config.workspace
        if self._address.is_local:
            here = str(Path(base or ".").absolute())
            return task_list(value, workspace=here, sequential=sequential)
        checked = task_list(value, workspace="/", sequential=sequential)
        there = posixpath.join(str(base or "."), value.get("workspace") or ".")
        return msgspec.structs.replace(checked, workspace=posixpath.normpath(there))

    # --- the server --------------------------------------------------------------------------

    async def _ask(self, method: str, params: msgspec.Struct, kind: type[_Result]) -> _Result:
        return await self._open.ask(method, params, kind)

    @property
    def _address(self) -> Address:
        return self._aimed.address

    @property
    def _aimed(self) -> Target:
        if self._calls is None or self._target is None:
            raise RuntimeError("use `async with Client(...) as client`")
        return self._target

    @property
    def _open(self) -> Calls:
        if self._calls is None:
            raise RuntimeError("use `async with Client(...) as client`")
        return self._calls


def _checked(limit: int) -> int:
    """Return the limit.

    Raises:
        InvalidSpec: It is not 1 to 1,000.
    """
    if not 1 <= limit <= _MAX_LIMIT:
        raise InvalidSpec("limit", f"{limit} is not 1 to {_MAX_LIMIT}")
    return limit

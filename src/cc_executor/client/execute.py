"""One call, one result: `cc_execute` and its relatives."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from cc_executor.client.config import CCExecutorConfig
from cc_executor.client.executor import Executor
from cc_executor.client.json_mode import SCHEMA, as_json
from cc_executor.client.progress import ProgressCallback, report
from cc_executor.errors import InvalidRequest
from cc_executor.model.events import FromAgent, Message
from cc_executor.model.reports import as_markdown
from cc_executor.model.results import ExecutionResult, TaskResult
from cc_executor.model.specs import Expects

T = TypeVar("T")

StreamSink = bool | Callable[[str], object]


class RunningLoop(InvalidRequest):
    """A sync function was called where an event loop is running already."""

    code = "request.running_loop"
    hint = "Use `await cc_execute(...)` here."

    def __str__(self) -> str:
        return "a sync call inside a running event loop would block it"


@overload
async def cc_execute(
    task: str,
    *,
    config: CCExecutorConfig | None = None,
    json_mode: Literal[False] = False,
    json_schema: None = None,
    stream: StreamSink | None = None,
    progress_callback: ProgressCallback | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - the supervisor enforces it
    session_id: str | None = None,
    execution_uuid: str | None = None,
    expects: Expects | Mapping[str, Any] | None = None,
    checks: Sequence[Sequence[str]] = (),
    validation_prompt: str | None = None,
    repairs: int = 0,
    generate_report: bool | str | Path = False,
    agent: str | None = None,
    workspace: str | Path | None = None,
    **fields: Any,
) -> str: ...


@overload
async def cc_execute(
    task: str,
    *,
    config: CCExecutorConfig | None = None,
    json_mode: bool = False,
    json_schema: dict[str, Any] | bool | None = None,
    stream: StreamSink | None = None,
    progress_callback: ProgressCallback | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - the supervisor enforces it
    session_id: str | None = None,
    execution_uuid: str | None = None,
    expects: Expects | Mapping[str, Any] | None = None,
    checks: Sequence[Sequence[str]] = (),
    validation_prompt: str | None = None,
    repairs: int = 0,
    generate_report: bool | str | Path = False,
    agent: str | None = None,
    workspace: str | Path | None = None,
    **fields: Any,
) -> str | dict[str, Any]: ...


async def cc_execute(
    task: str,
    *,
    config: CCExecutorConfig | None = None,
    json_mode: bool = False,
    json_schema: dict[str, Any] | bool | None = None,
    stream: StreamSink | None = None,
    progress_callback: ProgressCallback | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 - the supervisor enforces it
    session_id: str | None = None,
    execution_uuid: str | None = None,
    expects: Expects | Mapping[str, Any] | None = None,
    checks: Sequence[Sequence[str]] = (),
    validation_prompt: str | None = None,
    repairs: int = 0,
    generate_report: bool | str | Path = False,
    agent: str | None = None,
    workspace: str | Path | None = None,
    **fields: Any,
) -> str | dict[str, Any]:
    """Let an agent carry out one task and return its answer.

    Args:
        task: The prompt.
        config: Defaults for what this call leaves out.
        json_mode: Return an object instead of text: `result`, `summary`, `files_created` and
            `files_modified` (seen on disk), `claimed`, `verified`, `execution_uuid`, `cost_usd`
            (None when unknown), `usage`, `duration_s` (seconds), `session_id`.
        json_schema: JSON schema that the answer must fit; implies `json_mode`, and `result` is
            then the value.
        stream: True writes the agent's text to stderr as it comes; a callable is given it.
        progress_callback: Sync or async callable, given the `Progress` of a task at each event.
        timeout: Seconds; None: the configuration's, else forecast.
        session_id: Resume this session of the agent instead of starting a fresh context.
        execution_uuid: The caller's choice of the execution's id.
        expects: What must hold in the workspace afterwards: `files`, `absent`, `contains`,
            `unchanged`.
        checks: argv lists that must end with status 0 afterwards, run in the workspace in order.
        validation_prompt: What a fresh agent, who may only read, is asked about the work.
        repairs: How often a result that was refuted is given back to the agent's session.
        generate_report: Write a report in Markdown when the task has ended, well or not: at this
            path, or (True) as `report.md` in the execution's folder of the state directory. The
            object of json mode names it as `report`.
        agent: Which agent works.
        workspace: Directory to work in.
        **fields: More fields of a task, as in a task file: `model`, `max_turns`, `retries`, ...

    Raises:
        TaskFailed: The task did not succeed; carries the outcome and the partial output.
            `TaskTimedOut`, `TaskCancelled` and `SchemaViolation` are kinds of it.
        CCExecutorError: It was refused; nothing was started.
    """
    own_schema = json_schema is not None
    schema = json_schema if own_schema else (SCHEMA if json_mode else None)
    given = {
        "prompt": task,
        "timeout": timeout,
        "session_id": session_id,
        "agent": agent,
        "json_schema": schema,
        **_proofs(expects, checks, validation_prompt, repairs),
    }
    spec = {**fields, **{name: value for name, value in given.items() if value is not None}}
    async with Executor(config) as executor:
        submitted = await executor.submit([spec], workspace=workspace, execution_id=execution_uuid)
        async with _reporting(executor, submitted, stream, progress_callback):
            ended = await executor.wait(submitted.id)
        report = await _written_report(executor, ended.id, wanted=generate_report)
    only = ended.tasks[0]
    only.raise_for_failure()
    if schema is None:
        assert only.outcome is not None
        return only.outcome.text
    data = as_json(only, ended.id, own_schema=own_schema)
    return data if report is None else {**data, "report": str(report)}


async def cc_execute_list(
    tasks: Sequence[Any],
    *,
    config: CCExecutorConfig | None = None,
    sequential: bool = True,
    stop_on_failure: bool = True,
    stream: StreamSink | None = None,
    progress_callback: ProgressCallback | None = None,
    execution_uuid: str | None = None,
    expects: Expects | Mapping[str, Any] | None = None,
    checks: Sequence[Sequence[str]] = (),
    validation_prompt: str | None = None,
    repairs: int = 0,
    workspace: str | Path | None = None,
) -> list[TaskResult]:
    """Carry out tasks in order, each with a fresh agent and context; return a result for each.

    Args:
        tasks: Prompts, or mappings with the fields of a task as in a task file.
        config: Defaults for what the tasks leave out.
        sequential: Whether a task waits for the one before it. False: they run side by side.
        stop_on_failure: Skip what is left after a failure.
        stream: As in `cc_execute`.
        progress_callback: As in `cc_execute`.
        execution_uuid: The caller's choice of the execution's id.
        expects: As in `cc_execute`, for every task that does not say otherwise itself; so are
            `checks`, `validation_prompt` and `repairs`.
        checks: See `expects`.
        validation_prompt: See `expects`.
        repairs: See `expects`; for prompts only, a command has nothing to repair with.
        workspace: Directory to work in.

    Returns:
        Results in the order of the tasks. A failed task is a result whose `ok` is false.

    Raises:
        CCExecutorError: The list was refused; nothing was started.
    """
    proofs = _proofs(expects, checks, validation_prompt, repairs)
    async with Executor(config) as executor:
        submitted = await executor.submit(
            {"tasks": list(tasks), "defaults": proofs} if proofs else tasks,
            workspace=workspace,
            execution_id=execution_uuid,
            sequential=sequential,
            stop_on_failure=stop_on_failure,
        )
        async with _reporting(executor, submitted, stream, progress_callback):
            ended = await executor.wait(submitted.id)
    return list(ended.tasks)


async def _written_report(
    executor: Executor, execution_id: str, *, wanted: bool | str | Path
) -> Path | None:
    """Write the report of an ended execution where it is wanted, and return its path."""
    if wanted is False:
        return None
    path = executor.folder(execution_id) / "report.md" if wanted is True else Path(wanted)
    examination = await executor.verify(execution_id)
    text = as_markdown(await executor.evidence(execution_id), examination)
    await asyncio.to_thread(path.write_text, text, encoding="utf-8")
    return path


def _proofs(
    expects: Expects | Mapping[str, Any] | None,
    checks: Sequence[Sequence[str]],
    validation_prompt: str | None,
    repairs: int,
) -> dict[str, Any]:
    """Return the fields that say what is to be checked; only those that were given."""
    fields = {
        "expects": expects,
        "checks": [list(argv) if not isinstance(argv, str) else argv for argv in checks] or None,
        "validation_prompt": validation_prompt,
        "repairs": repairs or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def cc_execute_sync(task: str, **options: Any) -> str | dict[str, Any]:
    """Do what `cc_execute` does, for callers without an event loop."""
    answer: str | dict[str, Any] = _blocking(cc_execute(task, **options))
    return answer


def cc_execute_list_sync(tasks: Sequence[Any], **options: Any) -> list[TaskResult]:
    """Do what `cc_execute_list` does, for callers without an event loop."""
    return _blocking(cc_execute_list(tasks, **options))


def _blocking(call: Coroutine[Any, Any, T]) -> T:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(call)
    call.close()
    raise RunningLoop


@asynccontextmanager
async def _reporting(
    executor: Executor,
    of: ExecutionResult,
    sink: StreamSink | None,
    callback: ProgressCallback | None,
) -> AsyncIterator[None]:
    """Report to whoever wants it, and to the end of the stream if the work ends well."""
    reporters = []
    if callback is not None:
        reporters.append(asyncio.create_task(report(executor.stream(of.id), of, callback)))
    if sink:
        write = _to_stderr if sink is True else sink
        reporters.append(asyncio.create_task(_pass_on(executor, of.id, write)))
    try:
        yield
        await asyncio.gather(*reporters)
    finally:
        for reporter in reporters:
            reporter.cancel()


async def _pass_on(executor: Executor, execution_id: str, write: Callable[[str], object]) -> None:
    async for event in executor.stream(execution_id):
        if isinstance(event, FromAgent) and isinstance(event.event, Message):
            write(event.event.text)


def _to_stderr(text: str) -> None:
    sys.stderr.write(f"{text}\n")


__all__ = [
    "ExecutionResult",
    "RunningLoop",
    "cc_execute",
    "cc_execute_list",
    "cc_execute_list_sync",
    "cc_execute_sync",
]

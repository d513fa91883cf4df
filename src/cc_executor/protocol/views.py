"""Executions and tasks as JSON: the same objects as `--json`, on both doors."""

from __future__ import annotations

from typing import Any

import msgspec

from cc_executor.model.forecasts import Forecast
from cc_executor.model.progress import Progress
from cc_executor.model.records import ExecutionRecord
from cc_executor.model.results import ExecutionResult, TaskResult


class ProgressView(msgspec.Struct, frozen=True, kw_only=True):
    """How far an execution is.

    Attributes:
        at: As of when, in seconds since the epoch.
        tasks: In list order.
    """

    execution_id: str
    at: float
    tasks: list[Progress]


class TaskView(msgspec.Struct, frozen=True, kw_only=True):
    """One task as it stands.

    Attributes:
        state: `queued`, `running`, `paused`, `succeeded`, `failed`, `timed_out`, `cancelled`,
            `lost` or `skipped`.
        failure: The taxonomy's slug; null while there is none.
        detail: Which timer or limit, where the failure has kinds.
        exit_code: null when the program did not exit by itself.
        verified: `verified`, `refuted`, `unverified`; null without an outcome.
        findings: All that was looked at and what was found; null without an outcome.
        ground: Where an isolated task worked, and the branch that came out of it; null otherwise.
        files_complete: Whether the workspace could be compared as a whole.
        result: The agent's structured value, else its answer.
        cost_usd: null when unknown, never a guess.
        budget: How its own budget stands (`account`, `limit`, `reserved`, `spent`, `unknown`); null
            when it has none.
        session_id: The agent's own session.
        timers: Each bound of its last attempt and how far that came; null without an outcome.
        attempts: How many there have been.
        forecast: What the latest attempt was expected to take; null before the first.
        waiting: What keeps it from starting its next attempt (`reason`, `since`, `until`,
            `message`); null where nothing does.
        carried_from: Task of an earlier execution whose outcome this one took over unrun.
    """

    name: str
    task_id: str
    state: str
    failure: str | None
    detail: str | None
    message: str | None
    exit_code: int | None
    signal: str | None
    verified: str | None
    findings: dict[str, Any] | None
    files_created: list[str]
    files_modified: list[str]
    files_deleted: list[str]
    ground: dict[str, Any] | None
    files_complete: bool
    result: Any
    cost_usd: float | None
    budget: dict[str, Any] | None
    usage: dict[str, int] | None
    session_id: str | None
    duration_s: float | None
    timers: list[dict[str, Any]] | None
    attempts: int
    forecast: Forecast | None
    waiting: dict[str, Any] | None
    carried_from: str | None


class ExecutionView(msgspec.Struct, frozen=True, kw_only=True):
    """An execution as it stands, with its tasks in list order.

    Attributes:
        host: Where its engine lives: `server`, `detached`, `in_process`.
        continues: The execution whose rest this one runs.
        created_at: Seconds since the epoch, UTC.
        cost_usd: Sum over its agents; null when one of them did not say.
        budget: How the budget of its list stands: `limit`, and of it `spent` and `reserved` for what
            runs now, in `usd`, `tokens`, `turns` and `minutes`; `unknown` counts the attempts that
            may have used more than was counted. null when it has none.
        record: Everything that is remembered, where it was asked for.
    """

    execution_id: str
    state: str
    workspace: str
    title: str
    host: str
    continues: str | None
    created_at: float
    ended_at: float | None
    cost_usd: float | None
    budget: dict[str, Any] | None
    tasks: list[TaskView]
    record: ExecutionResult | msgspec.UnsetType = msgspec.UNSET


class ListedView(msgspec.Struct, frozen=True, kw_only=True):
    """An execution in a list.

    Attributes:
        tasks: How many it has.
        record: Everything that is remembered, where it was asked for.
    """

    execution_id: str
    state: str
    workspace: str
    title: str
    host: str
    continues: str | None
    created_at: float
    ended_at: float | None
    tasks: int
    record: ExecutionRecord | msgspec.UnsetType = msgspec.UNSET


def task_view(task: TaskResult) -> dict[str, Any]:
    """Return the object of one task."""
    return task.to_json()


def execution_view(execution: ExecutionResult, *, records: bool = False) -> dict[str, Any]:
    """Return the object of an execution; with `records` also what a typed client rebuilds."""
    view = execution.to_json()
    return {**view, "record": msgspec.to_builtins(execution)} if records else view


def listed_view(record: ExecutionRecord, *, records: bool = False) -> dict[str, Any]:
    """Return the object of an execution in a list."""
    view = {
        "execution_id": record.id,
        "state": str(record.state),
        "workspace": record.task_list.workspace,
        "title": record.task_list.title,
        "host": str(record.host),
        "continues": record.continues,
        "created_at": record.created_at,
        "ended_at": record.ended_at,
        "tasks": len(record.task_list.tasks),
    }
    return {**view, "record": msgspec.to_builtins(record)} if records else view

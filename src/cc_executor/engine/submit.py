"""Accepting a task list: everything that can be refused is refused before anything is recorded."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

import msgspec

from cc_executor.agents.registry import dialect as dialect_named
from cc_executor.engine.prepare import (
    Prepared,
    child_environment,
    prepare,
    upstream,
    with_references,
)
from cc_executor.engine.world import World
from cc_executor.errors import CCExecutorError, DuplicateExecution
from cc_executor.model.ids import (
    ENTROPY_BYTES,
    attempt_id,
    check_execution_id,
    new_execution_id,
    task_id,
)
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Outcome
from cc_executor.model.plan import next_moves
from cc_executor.model.records import ExecutionRecord, Host, TaskRecord
from cc_executor.model.specs import TaskList, TaskSpec
from cc_executor.ports.journal import Ownership


def resolved(task_list: TaskList) -> TaskList:
    """Return the list with absolute workspaces, as it is recorded. Pure for an absolute list."""
    top = Path(task_list.workspace).absolute()
    specs = tuple(
        msgspec.structs.replace(spec, workspace=str(top / (spec.workspace or ".")))
        for spec in task_list.tasks
    )
    return msgspec.structs.replace(task_list, workspace=str(top), tasks=specs)


def check(world: World, task_list: TaskList) -> TaskList:
    """Return the list as it will be recorded: workspaces absolute. Blocking: use a thread.

    What only an earlier task of the list could bring about (a program that it builds, a
    directory that it makes) is checked when its turn comes.

    Raises:
        InvalidWorkspace, UnknownAgent, AgentNotInstalled, AgentNotLoggedIn, CommandNotAllowed,
        ProgramNotInstalled: Nothing was recorded or started.
    """
    checked = resolved(task_list)
    world.workspaces.check(Path(checked.workspace))
    seen: set[str] = set()
    for spec in checked.tasks:
        if not spec.needs:
            workspace = Path(spec.workspace or checked.workspace)
            if spec.workspace != checked.workspace:
                workspace = world.workspaces.check(workspace)
            world.grounds.check(workspace, spec.isolation)
        _check_program(world, spec, seen)
    return checked


def _check_program(world: World, spec: TaskSpec, seen: set[str]) -> None:
    dialect = dialect_named(spec.dialect)
    environ = child_environment(world.policy, dialect, spec)
    if spec.command is not None:
        if not spec.needs and "{{" not in spec.command[0]:
            cwd = spec.workspace or "."
            world.executables.command(spec.command[0], cwd=cwd, environ=environ)
    elif dialect.name not in seen:
        seen.add(dialect.name)
        world.executables.agent(dialect)
        world.executables.check_login(dialect, environ=environ)


class Accepted(NamedTuple):
    """A list that will be run here.

    Attributes:
        ownership: Of its execution, which does not exist yet: nobody can find it without a living
            owner.
        prepared: By task id, the first attempts of what starts at once. What is missing here will
            say why when it is prepared again.
    """

    execution: ExecutionRecord
    tasks: tuple[TaskRecord, ...]
    ownership: Ownership
    prepared: dict[str, Prepared]


def accept(
    world: World,
    task_list: TaskList,
    *,
    host: Host,
    owner: str,
    execution_id: str | None = None,
    principal: str | None = None,
    continues: str | None = None,
    carried: dict[str, tuple[str, Outcome]] | None = None,
) -> Accepted:
    """Do all that must be done before a list can be recorded and started here.

    Blocking: use a thread. Arguments: `records`.

    Raises:
        InvalidRequest, Unavailable: As `check` says; nothing was recorded or started.
        DuplicateExecution: A living engine owns an execution with this id.
    """
    execution, tasks = records(
        world,
        check(world, task_list),
        host=host,
        owner=owner,
        execution_id=execution_id,
        principal=principal,
        continues=continues,
        carried=carried,
    )
    prepared = _prepared(world, execution, tasks)
    ownership = world.owners.acquire(execution.id)
    if ownership is None:  # somebody has one of this id, or is about to
        raise DuplicateExecution(execution.id)
    return Accepted(execution, tasks, ownership, prepared)


def _prepared(
    world: World, execution: ExecutionRecord, tasks: tuple[TaskRecord, ...]
) -> dict[str, Prepared]:
    plan = next_moves(
        tasks,
        stop_on_failure=execution.task_list.stop_on_failure,
        cancelling=False,
        concurrency=world.policy.max_concurrency,
    )
    outcomes = upstream(tasks)
    prepared = {}
    for task in tasks:
        # A ground of its own is made when the task begins, not before it is recorded.
        if task.id in plan.start and task.spec.isolation == "none":
            with contextlib.suppress(CCExecutorError):
                spec = with_references(task.spec, outcomes)
                prepared[task.id] = prepare(world, spec, attempt_id(task.id, 1))
    return prepared


def records(
    world: World,
    task_list: TaskList,
    *,
    host: Host,
    execution_id: str | None = None,
    owner: str | None = None,
    principal: str | None = None,
    continues: str | None = None,
    carried: dict[str, tuple[str, Outcome]] | None = None,
) -> tuple[ExecutionRecord, tuple[TaskRecord, ...]]:
    """Return the records of a new execution.

    Args:
        world: The engine's world.
        task_list: As `check` returned it.
        host: Where its engine lives.
        execution_id: The caller's choice of an id, None for a new one.
        owner: Engine that owns it from the first moment (generation 1), None for nobody.
        principal: Who submitted it to a server.
        continues: The execution whose rest this is.
        carried: By task name, what it takes over: the earlier task's id and its outcome.
    """
    now = world.clock.now_s()
    if execution_id is None:
        entropy = world.clock.entropy(ENTROPY_BYTES)
        execution_id = new_execution_id(now_s=now, entropy=entropy)
    execution = ExecutionRecord(
        id=check_execution_id(execution_id),
        host=host,
        state=TaskState.QUEUED,
        task_list=task_list,
        created_at=now,
        generation=1 if owner else 0,
        owner=owner,
        continues=continues,
        principal=principal,
    )
    tasks = tuple(
        _task_record(execution.id, number, spec, (carried or {}).get(spec.name), now)
        for number, spec in enumerate(task_list.tasks, start=1)
    )
    return execution, tasks


def _task_record(
    execution_id: str, number: int, spec: TaskSpec, carried: tuple[str, Outcome] | None, now: float
) -> TaskRecord:
    record = TaskRecord(
        id=task_id(execution_id, number), execution_id=execution_id, number=number, spec=spec
    )
    if carried is None:
        return record
    from_task, outcome = carried
    return msgspec.structs.replace(
        record,
        state=outcome.state,
        outcome=outcome,
        started_at=now,
        ended_at=now,
        carried_from=from_task,
    )

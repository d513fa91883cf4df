"""Accepting a task list: everything that can be refused is refused before anything is recorded."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cc_executor.agents.registry import dialect as dialect_named
from cc_executor.engine.prepare import child_environment
from cc_executor.engine.world import World
from cc_executor.model.ids import ENTROPY_BYTES, check_execution_id, new_execution_id, task_id
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import ExecutionRecord, Host, TaskRecord
from cc_executor.model.specs import TaskList, TaskSpec


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
            workspace = world.workspaces.check(Path(spec.workspace or checked.workspace))
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

"""From a task to a launch: what the world has to say before a child process can exist."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from cc_executor.agents.base import Dialect, Surroundings
from cc_executor.agents.env import filter_environment
from cc_executor.agents.registry import dialect as dialect_named
from cc_executor.engine.world import World
from cc_executor.model.budgets import Allowance
from cc_executor.model.forecasts import Forecast, Subject
from cc_executor.model.launch import Launch, Timers
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.limits import bounds, output_limit_bytes
from cc_executor.model.lists import MAX_ARGUMENT_BYTES
from cc_executor.model.outcomes import Outcome
from cc_executor.model.policy import Policy
from cc_executor.model.records import TaskRecord
from cc_executor.model.references import resolve
from cc_executor.model.specs import TaskSpec

_UUID_BYTES = 16
_LEAST_S = 1.0


class Prepared(NamedTuple):
    """One attempt, ready to start.

    Attributes:
        spec: With references resolved.
        agent_session_id: The session to hold exclusively, None without.
        subject: What it is an example of.
        forecast: What it is expected to take.
        allowance: What it may spend; None: as it likes.
    """

    spec: TaskSpec
    dialect: Dialect
    launch: Launch
    agent_session_id: str | None
    subject: Subject
    forecast: Forecast
    allowance: Allowance | None = None


def prepare(world: World, spec: TaskSpec, ident: str) -> Prepared:
    """Return an attempt that is ready to start. Blocking (files): call it in a thread.

    Args:
        world: The engine's world.
        spec: What is asked, with references resolved.
        ident: Id of the attempt.

    Raises:
        InvalidSpec, InvalidWorkspace, AgentNotInstalled, CommandNotAllowed: Nothing was started.
    """
    if spec.permission_mode is None and world.policy.permission_mode is not None:
        spec = msgspec.structs.replace(spec, permission_mode=world.policy.permission_mode)
    dialect = dialect_named(spec.dialect)
    workspace = str(world.workspaces.check(Path(spec.workspace or ".")))
    environ = child_environment(world.policy, dialect, spec)
    if spec.command is not None:
        executable = world.executables.command(spec.command[0], cwd=workspace, environ=environ)
    else:
        executable = world.executables.agent(dialect)
    subject = world.foresight.subject(spec)
    expected = world.foresight.forecast(subject, in_passing=True)
    folder = world.journals.folder(ident)
    surroundings = Surroundings(
        attempt_id=ident,
        executable=executable,
        cwd=workspace,
        env=environ,
        scratch=str(folder / "scratch"),
        new_session_id=str(uuid.UUID(bytes=world.clock.entropy(_UUID_BYTES), version=4)),
        timers=timers(world.policy, spec, expected),
    )
    launch = msgspec.structs.replace(
        dialect.launch(spec, surroundings),
        output_limit_bytes=output_limit_bytes(spec.limits, world.policy.output_limit_bytes),
        bounds=bounds(spec.limits, world.policy.bounds),
        containment=world.policy.containment,
    )
    session = dialect.session_of(spec, surroundings)
    return Prepared(spec, dialect, launch, session, subject, expected)


def within(prepared: Prepared, allowance: Allowance | None) -> Prepared:
    """Return an attempt that ends when it has spent what it may.

    Its agent is told as far as it understands; its time is bounded by its supervisor, so that this
    holds when nobody else is alive; the rest whoever watches it has to see.
    """
    if allowance is None:
        return prepared
    launch = prepared.dialect.limited(prepared.launch, allowance.caps)
    if allowance.caps.ms is not None:
        limit_s = max(_LEAST_S, allowance.caps.ms / 1000)
        bounds = [bound for bound in (launch.timers.total_s, limit_s) if bound is not None]
        bounded = msgspec.structs.replace(launch.timers, total_s=min(bounds))
        launch = msgspec.structs.replace(launch, timers=bounded)
        if min(bounds) != limit_s:  # another bound ends it before its budget does
            allowance = allowance._replace(caps=allowance.caps._replace(ms=None))
    return prepared._replace(launch=launch, allowance=allowance)


def upstream(tasks: Iterable[TaskRecord]) -> dict[str, Outcome]:
    """Return what later tasks can refer to: the outcomes of those that have succeeded, by name."""
    return {
        task.name: task.outcome
        for task in tasks
        if task.outcome is not None and task.state is TaskState.SUCCEEDED
    }


def with_references(spec: TaskSpec, upstream: Mapping[str, Outcome]) -> TaskSpec:
    """Return the spec with every `{{ tasks.NAME.FIELD }}` replaced by its value.

    Raises:
        InvalidSpec: A reference has no value.
    """
    if spec.command is not None:
        return msgspec.structs.replace(
            spec,
            command=tuple(
                resolve(word, upstream, max_bytes=MAX_ARGUMENT_BYTES) for word in spec.command
            ),
        )
    return msgspec.structs.replace(spec, prompt=resolve(spec.prompt or "", upstream))


def child_environment(policy: Policy, dialect: Dialect, spec: TaskSpec) -> dict[str, str]:
    """Return what the child may see: the dialect's allowlist, `pass_env`, and the task's own."""
    allowed = filter_environment(policy.environ, dialect.inherits, policy.pass_env)
    return {**allowed, **spec.env}


def timers(policy: Policy, spec: TaskSpec, expected: Forecast) -> Timers:
    """Return the task's bounds. An explicit value wins over the forecast, the cap over both.

    The silence of a plain command means nothing, so it has no start and idle timer unless it asks
    for them.
    """
    is_agent = spec.command is None
    total_s = expected.timeout_s if spec.timeout == "auto" else float(spec.timeout)
    return Timers(
        total_s=min(total_s, policy.max_timeout_s),
        start_s=spec.start_timeout_s or (policy.start_timeout_s if is_agent else None),
        first_byte_s=spec.first_byte_timeout_s,
        idle_s=spec.idle_timeout_s or (policy.idle_timeout_s if is_agent else None),
        grace_s=policy.grace_s,
        cap_s=policy.max_timeout_s + policy.max_paused_s,
        max_paused_s=policy.max_paused_s,
        orphan_grace_s=policy.orphan_grace_s,
    )

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
from cc_executor.forecast.formula import estimate_tokens, first_timeout_s
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


class Prepared(NamedTuple):
    """One attempt, ready to start.

    Attributes:
        spec: With references resolved.
        agent_session_id: The session to hold exclusively, None without.
    """

    spec: TaskSpec
    dialect: Dialect
    launch: Launch
    agent_session_id: str | None


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
    folder = world.journals.folder(ident)
    surroundings = Surroundings(
        attempt_id=ident,
        executable=executable,
        cwd=workspace,
        env=environ,
        scratch=str(folder / "scratch"),
        new_session_id=str(uuid.UUID(bytes=world.clock.entropy(_UUID_BYTES), version=4)),
        timers=timers(world.policy, dialect, spec),
    )
    launch = msgspec.structs.replace(
        dialect.launch(spec, surroundings),
        output_limit_bytes=output_limit_bytes(spec.limits, world.policy.output_limit_bytes),
        bounds=bounds(spec.limits, world.policy.bounds),
        containment=world.policy.containment,
    )
    return Prepared(spec, dialect, launch, dialect.session_of(spec, surroundings))


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


def timers(policy: Policy, dialect: Dialect, spec: TaskSpec) -> Timers:
    """Return the task's bounds. An explicit value wins over the forecast, the cap over both.

    A plain command has no tokens to forecast from, so only the cap bounds it; and its silence
    means nothing, so it has no start and idle timer unless it asks for them.
    """
    is_agent = spec.command is None
    if spec.timeout != "auto":
        total_s = float(spec.timeout)
    elif is_agent:
        tokens = dialect.preamble_tokens + estimate_tokens(spec.prompt or "")
        total_s = first_timeout_s(
            tokens,
            base_s=policy.timeout_base_s,
            per_token_s=policy.timeout_per_token_s,
            max_s=policy.max_timeout_s,
        )
    else:
        total_s = policy.max_timeout_s
    return Timers(
        total_s=min(total_s, policy.max_timeout_s),
        start_s=spec.start_timeout_s or (policy.start_timeout_s if is_agent else None),
        idle_s=spec.idle_timeout_s or (policy.idle_timeout_s if is_agent else None),
        grace_s=policy.grace_s,
        orphan_grace_s=policy.orphan_grace_s,
    )

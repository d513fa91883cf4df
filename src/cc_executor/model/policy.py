"""The limits and defaults an engine works under: a frozen value, made from settings."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cc_executor.model.budgets import Budget
from cc_executor.model.launch import Bounds


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds that hold for every task of one engine. Seconds and bytes.

    Attributes:
        max_timeout_s: No attempt lasts longer, whatever its task says.
        timeout_base_s: Constant part of the first forecast.
        timeout_per_token_s: Its part per token of the first request.
        max_paused_s: All pauses of an attempt together are no longer than this.
        start_timeout_s: Longest time until an agent's first sign of life.
        idle_timeout_s: Longest time of an agent without progress.
        grace_s: How long a process may stay after its result.
        orphan_grace_s: How long an attempt lives on without any engine.
        max_concurrency: Most attempts of one execution at once.
        max_running: Most attempts of all executions of the engine at once; None: no limit.
        output_limit_bytes: Most output of one attempt, None for no limit.
        bounds: Most that one attempt may take otherwise.
        memory_floor_bytes: Memory of the machine that is left to others: nothing is started that is
            expected to take it.
        disk_floor_bytes: Free space of the state directory below which nothing is started.
        allowed_commands: Executables (resolved paths or names) that may run; empty: any.
        environ: What children may inherit from, before a dialect's filter.
        pass_env: More names that children may inherit.
        permission_mode: Default permission mode of agents that have one.
        park: Whether a task waits for usage windows where it does not say.
        containment: `auto`, `cgroup` or `scan`.
        budget_workspace: What all tasks in one workspace may spend together; None: as they like.
        budget_day: What all tasks may spend in one day, in UTC.
    """

    max_timeout_s: float = 14_400.0
    timeout_base_s: float = 60.0
    timeout_per_token_s: float = 0.05
    max_paused_s: float = 259_200.0
    start_timeout_s: float | None = 120.0
    idle_timeout_s: float | None = 900.0
    grace_s: float = 10.0
    orphan_grace_s: float = 0.0
    max_concurrency: int = 4
    max_running: int | None = None
    output_limit_bytes: int | None = None
    bounds: Bounds = Bounds()
    memory_floor_bytes: int = 0
    disk_floor_bytes: int = 0
    allowed_commands: tuple[str, ...] = ()
    environ: Mapping[str, str] = {}
    pass_env: tuple[str, ...] = ()
    permission_mode: str | None = None
    park: bool = False
    containment: str = "auto"
    budget_workspace: Budget | None = None
    budget_day: Budget | None = None

"""From settings to an engine and its sessions: the only place that names concrete adapters."""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Final, cast

from cc_executor.engine.budgets import BudgetGate
from cc_executor.engine.engine import Engine
from cc_executor.engine.foresight import Foresight
from cc_executor.engine.gates import Gate
from cc_executor.engine.room import Room
from cc_executor.engine.windows import UsageWindows
from cc_executor.engine.world import World
from cc_executor.errors import InvalidSetting
from cc_executor.journal.folders import FolderJournals
from cc_executor.journal.home import StateDirectory
from cc_executor.journal.owners import FolderOwners
from cc_executor.model.budgets import KINDS, Budget, UnknownCost
from cc_executor.model.launch import Bounds
from cc_executor.model.policy import Policy
from cc_executor.model.records import Host
from cc_executor.model.sessions import Terms
from cc_executor.ports.clock import Clock
from cc_executor.ports.sessions import Sessions
from cc_executor.ports.store import Store
from cc_executor.process.clock import SystemClock
from cc_executor.process.detach import DetachedEngines
from cc_executor.process.executables import SystemExecutables
from cc_executor.process.machine import load_per_core
from cc_executor.process.nudges import SocketNudges
from cc_executor.process.resources import SystemResources
from cc_executor.process.run import run_subprocess
from cc_executor.process.supervision import ProcessSupervision
from cc_executor.settings import Settings
from cc_executor.store.sqlite import SqliteStore
from cc_executor.workspace.disk import DiskWorkspaces
from cc_executor.workspace.grounds import StateGrounds

#: By name: it stands on a floor above this one.
DETACHED_ENGINE: Final = "cc_executor.client.detached"


async def open_engine(
    settings: Settings,
    host: Host,
    *,
    environ: Mapping[str, str] = os.environ,
    resources: SystemResources | None = None,
) -> tuple[Engine, Store]:
    """Return an engine on the state directory of the settings, and its store for reading.

    Args:
        settings: As loaded.
        host: Where the engine lives; decides how long its attempts outlive it.
        environ: What children may inherit from, before a dialect's filter.
        resources: What the machine has left; None: the engine looks for itself. Closed with it.

    Raises:
        StateDirectoryRefused, StoreUnavailable, PlatformUnsupported: Nothing was opened.
    """
    engine_id = uuid.uuid4().hex
    home = await asyncio.to_thread(StateDirectory, settings.home)
    store = await SqliteStore.open(home.database)
    if resources is None:
        resources = await asyncio.to_thread(SystemResources, home.path)
    clock = SystemClock()
    fingerprint = partial(_fingerprint, await asyncio.to_thread(home.salt))
    windows = UsageWindows(store, clock, fingerprint, by_default=settings.park)
    limits = policy(settings, host, environ)
    budgets = BudgetGate(store, clock, limits)
    world = World(
        clock=clock,
        store=store,
        supervision=ProcessSupervision(),
        journals=FolderJournals(home),
        owners=FolderOwners(home, engine_id),
        workspaces=DiskWorkspaces(ignored=(home.path,)),
        grounds=StateGrounds(home.path, run_subprocess, environ),
        executables=executables(settings, environ),
        nudges=SocketNudges(home.path / "engines"),
        engines=DetachedEngines(
            DETACHED_ENGINE, json.dumps(settings.as_flags()), log=home.path / "detached.log"
        ),
        foresight=Foresight(store, clock, limits, load_per_core),
        policy=limits,
        gates=(*gates(windows), budgets, Room(limits, resources, clock)),
        resources=resources,
        windows=windows,
    )
    engine = Engine(world, engine_id=engine_id, host=host)
    budgets.cared_for_by(engine.recover)
    return engine, store


def gates(windows: UsageWindows) -> tuple[Gate, ...]:
    """Return what lets attempts start before there is room on the machine: windows, budgets."""
    return (windows,)


def _fingerprint(salt: bytes, text: str) -> str:
    return hmac.new(salt, text.encode(errors="surrogateescape"), "sha256").hexdigest()[:32]


async def open_sessions(settings: Settings, clock: Clock | None = None) -> Sessions:
    """Return where a server keeps sessions: in Redis if the settings name one, else in a file.

    A Redis is not asked before the first call: a server starts without it, and says so when it is
    needed.

    Args:
        settings: As loaded.
        clock: The time, for sessions in a file; None: the machine's.

    Raises:
        InvalidSetting: `redis_url` cannot be used, or the package `redis` is not installed.
        StateDirectoryRefused, SessionsUnavailable: The file cannot be opened.
    """
    clock = clock or SystemClock()
    terms = Terms(max_sessions=settings.max_sessions, timeout_s=settings.session_timeout)
    if settings.redis_url is not None:
        return _redis_sessions(settings, terms, clock)
    # Loaded only by servers, as all that follows.
    from cc_executor.store.sessions.sqlite import SqliteSessions

    home = await asyncio.to_thread(StateDirectory, settings.home)
    return await SqliteSessions.open_file(home.sessions, terms, clock)


async def open_resources(settings: Settings) -> SystemResources:
    """Return what the machine has left, as seen from the state directory; whoever asks closes it.

    Raises:
        StateDirectoryRefused: It cannot be used.
    """
    home = await asyncio.to_thread(StateDirectory, settings.home)
    return await asyncio.to_thread(SystemResources, home.path)


def _redis_sessions(settings: Settings, terms: Terms, clock: Clock) -> Sessions:
    origin = next(row.origin for row in settings.describe() if row.name == "redis_url")
    try:
        from cc_executor.store.sessions.redis import RedisSessions
        from cc_executor.store.sessions.redis_link import Link
    except ModuleNotFoundError as problem:
        raise InvalidSetting(
            "redis_url",
            "the package `redis` is not installed",
            origin=origin,
            hint="Install cc-executor[redis].",
        ) from problem
    try:
        link = Link(
            settings.redis_url or "",
            pool_size=settings.redis_pool_size,
            timeout_s=settings.redis_timeout,
        )
    except ValueError as problem:
        hint = "It is like redis://USER:PASSWORD@HOST:6379/0; special characters are written %XX."
        raise InvalidSetting("redis_url", str(problem), origin=origin, hint=hint) from problem
    return RedisSessions(link, terms, clock)


def executables(settings: Settings, environ: Mapping[str, str] = os.environ) -> SystemExecutables:
    """Return where programs are found."""
    return SystemExecutables(
        overrides=settings.agent_bins,
        search_path=environ.get("PATH", os.defpath),
        allowed=settings.allowed_commands,
    )


def policy(settings: Settings, host: Host, environ: Mapping[str, str] = os.environ) -> Policy:
    """Return the limits of an engine at `host`."""
    return Policy(
        max_timeout_s=settings.max_timeout_s,
        max_paused_s=settings.max_paused_s,
        timeout_base_s=settings.timeout_base_s,
        timeout_per_token_s=settings.timeout_per_token_s,
        start_timeout_s=settings.start_timeout_s,
        idle_timeout_s=settings.idle_timeout_s,
        grace_s=settings.grace_s,
        orphan_grace_s=0.0 if host is Host.IN_PROCESS else settings.orphan_grace_s,
        max_concurrency=settings.max_concurrency,
        max_running=settings.max_running or None,
        output_limit_bytes=_bytes(settings.output_limit_mb),
        bounds=Bounds(
            memory_bytes=_bytes(settings.memory_per_task_mb),
            processes=settings.processes_per_task or None,
            file_size_bytes=_bytes(settings.file_size_limit_mb),
            disk_bytes=_bytes(settings.disk_per_task_mb),
            files=settings.files_per_task or None,
        ),
        memory_floor_bytes=_bytes(settings.memory_floor_mb) or 0,
        disk_floor_bytes=_bytes(settings.disk_floor_mb) or 0,
        allowed_commands=settings.allowed_commands,
        environ=dict(environ),
        pass_env=settings.pass_env,
        permission_mode=settings.claude_permission_mode,
        containment=settings.containment,
        budget_workspace=_budget(settings, "workspace"),
        budget_day=_budget(settings, "day"),
        park=settings.park,
    )


def _bytes(size_mb: int) -> int | None:
    return size_mb * 1024 * 1024 or None  # 0: no limit


def _budget(settings: Settings, scope: str) -> Budget | None:
    limits = {kind: getattr(settings, f"budget_{scope}_{kind}") for kind in KINDS}
    if all(limit is None for limit in limits.values()):
        return None
    unknown_cost = cast("UnknownCost", settings.budget_unknown_cost)  # its declaration sees to it
    return Budget(**limits, unknown_cost=unknown_cost)

"""The doors of a server, put together around one desk."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import cc_executor
from cc_executor.engine.engine import Engine
from cc_executor.model.principals import Principal
from cc_executor.ports.resources import Resources
from cc_executor.ports.sessions import Sessions
from cc_executor.ports.store import Store
from cc_executor.protocol.jsonrpc import Limits as MessageLimits
from cc_executor.protocol.methods import status
from cc_executor.protocol.notifications import CAPABILITIES
from cc_executor.server.app import Asgi
from cc_executor.server.artefacts import Artefacts
from cc_executor.server.desk import Desk, DeskLimits
from cc_executor.server.http.door import http_door
from cc_executor.server.http.events import Events
from cc_executor.server.http.executions import Executions
from cc_executor.server.http.expectations import Expected
from cc_executor.server.http.files import Files
from cc_executor.server.http.health import Health
from cc_executor.server.http.metrics import Metrics
from cc_executor.server.http.reference import Reference
from cc_executor.server.http.requests import Limits as RequestLimits
from cc_executor.server.listener.connections import Census
from cc_executor.server.rpc.connection import RpcDoor
from cc_executor.server.rpc.room import Holders, Limits, Room
from cc_executor.server.security.guard import Guard
from cc_executor.server.vitals import Vitals
from cc_executor.settings import Settings

#: Limits that `status` tells of, by the names of their settings.
_TOLD: Final = (
    "ws_max_size",
    "max_json_depth",
    "max_batch",
    "max_outstanding",
    "max_subscriptions",
    "max_sessions",
    "session_timeout",
    "rate_per_minute",
    "max_queued",
    "max_timeout_s",
)

#: Enough to tell logins apart.
_SHOWN_OF_A_LOGIN: Final = 8


class Parts(NamedTuple):
    """What a server works with."""

    engine: Engine
    store: Store
    sessions: Sessions
    resources: Resources


class Doors:
    """Both doors, and what they share.

    Attributes:
        http: Answers HTTP requests.
        rpc: Speaks JSON-RPC over WebSockets.
        vitals: Of the server.
    """

    def __init__(self, settings: Settings, parts: Parts, guard: Guard, census: Census) -> None:
        self._settings = settings
        self._parts = parts
        self._census = census
        self._stopping = asyncio.Event()
        self._holders = Holders(parts.sessions)
        self.vitals = Vitals(started_at=time.time())
        self._desk = Desk(
            parts.engine,
            parts.store,
            parts.resources,
            DeskLimits(
                max_queued=settings.max_queued,
                min_free_disk_mb=settings.min_free_disk_mb,
                min_free_memory_mb=settings.min_free_memory_mb,
            ),
            workspace=Path.cwd(),
        )
        self._rpc = RpcDoor(self._room(guard))
        self.rpc: Asgi = self._rpc
        self.http: Asgi = self._http()

    async def renew(self) -> None:
        """Keep the sessions of this server alive until cancelled."""
        await self._holders.renew()

    def stop_accepting(self) -> None:
        """Take no new work."""
        self._desk.stop_accepting()

    def close(self) -> None:
        """Ask everybody who is connected to come back to the next server."""
        self._stopping.set()
        self._rpc.close()

    # --- the doors ---------------------------------------------------------------------------

    def _room(self, guard: Guard) -> Room:
        settings = self._settings
        return Room(
            desk=self._desk,
            sessions=self._parts.sessions,
            holders=self._holders,
            vitals=self.vitals,
            limits=Limits(
                messages=MessageLimits(
                    max_depth=settings.max_json_depth, max_batch=settings.max_batch
                ),
                max_outstanding=settings.max_outstanding,
                max_subscriptions=settings.max_subscriptions,
                idle_s=settings.session_timeout,
            ),
            charge=guard.count,
            facts=self._facts,
        )

    def _http(self) -> Asgi:
        settings = self._settings
        limits = RequestLimits(
            max_body_bytes=settings.ws_max_size,
            body_timeout_s=settings.handshake_timeout_s,
            max_json_depth=settings.max_json_depth,
        )
        return http_door(
            executions=Executions(self._desk, limits),
            events=Events(self._desk, self.vitals, self._stopping),
            files=Files(Artefacts(self._desk)),
            health=Health(
                {"store": self._check_store, "sessions": self._parts.sessions.healthy},
                lambda: self._desk.accepts,
                self._health_facts,
            ),
            metrics=Metrics(
                self.vitals,
                self._parts.resources,
                {
                    ("sessions", "Sessions of this server."): lambda: len(self._holders),
                    ("connections", "Connections."): lambda: len(self._census),
                    (
                        "unauthenticated_connections",
                        "Connections that have not shown who they are.",
                    ): lambda: self._census.unauthenticated,
                    ("streams", "Streams that are followed."): lambda: self.vitals.streams,
                    ("running_executions", "Executions that run here."): (
                        lambda: self._parts.engine.running
                    ),
                },
                Expected(self._parts.engine.foresight.tally, self._parts.engine.left_here),
            ),
            reference=Reference(),
            vitals=self.vitals,
        )

    async def _check_store(self) -> None:
        await self._parts.store.version()

    # --- facts -------------------------------------------------------------------------------

    async def _facts(self) -> status.Result:
        now = time.time()
        return status.Result(
            server=status.ServerFacts(
                version=cc_executor.__version__,
                started_at=self.vitals.started_at,
                uptime_s=now - self.vitals.started_at,
                connections=len(self._census),
                sessions=len(self._holders),
                running=self._parts.engine.running,
                draining=not self._desk.accepts,
            ),
            session=None,
            limits={name: getattr(self._settings, name) for name in _TOLD},
            capabilities=list(CAPABILITIES),
            resources=self._resources(),
            usage_windows=await self._usage_windows(),
        )

    async def _usage_windows(self) -> list[status.WindowFacts]:
        return [
            status.WindowFacts(
                login=window.credential[:_SHOWN_OF_A_LOGIN],
                name=window.name,
                status=window.status,
                resets_at=window.resets_at,
                utilization=window.utilization,
                seen_at=window.seen_at,
            )
            for window in await self._parts.store.usage_windows()
        ]

    def _resources(self) -> dict[str, float]:
        sample = self._parts.resources.latest()
        lag = self.vitals.lag()
        known: dict[str, Any] = {
            "cores": sample.cores,
            "load1": sample.load and sample.load[0],
            "cpu_percent": sample.cpu_percent,
            "memory_available_bytes": sample.memory_available_bytes,
            "disk_free_bytes": sample.disk_free_bytes,
            **{f"{name}_pressure_percent": one.some for name, one in sample.pressure.items()},
            "loop_lag_p99_s": lag.p99_s,
            "loop_lag_max_s": lag.max_s,
        }
        return {name: value for name, value in known.items() if value is not None}

    async def _health_facts(self, _who: Principal) -> dict[str, Any]:
        facts = await self._facts()
        return {
            "version": facts.server.version,
            "uptime_s": facts.server.uptime_s,
            "running": facts.server.running,
            "sessions": facts.server.sessions,
            "resources": facts.resources,
        }

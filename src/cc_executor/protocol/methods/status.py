"""Tell how the server, the caller's session and the machine are."""

from __future__ import annotations

from typing import Final

import msgspec

from cc_executor.model.principals import Scope

NAME: Final = "status"
SCOPE: Final = Scope.READ


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing."""


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The server.

    Attributes:
        started_at: Seconds since the epoch, UTC.
        draining: Whether it is on its way out and takes nothing new.
    """

    version: str
    started_at: float
    uptime_s: float
    connections: int
    sessions: int
    running: int
    draining: bool = False


class SessionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's session.

    Attributes:
        scopes: What its token allows.
        unfinished: Tasks it started that have not ended.
    """

    session_id: str
    principal: str
    scopes: list[str]
    subscriptions: int
    unfinished: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How things are.

    Attributes:
        session: null where there is none (plain HTTP).
        limits: Each limit by the name of its setting.
        resources: What the machine has left; what cannot be read here is missing.
    """

    server: ServerFacts
    session: SessionFacts | None
    limits: dict[str, float]
    capabilities: list[str]
    resources: dict[str, float]

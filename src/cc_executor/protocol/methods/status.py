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


class WindowFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A usage window of a login, as an agent reported it last.

    Attributes:
        login: Part of a fingerprint: two windows of one login have the same.
        name: In the agent's words: `five_hour`.
        status: `allowed`, `allowed_warning` or `rejected`.
        resets_at: Seconds since the epoch, only as reported.
        utilization: Share of the window that is used, only as reported.
        seen_at: When it was reported.
    """

    login: str
    name: str
    status: str
    resets_at: float | None
    utilization: float | None
    seen_at: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How things are.

    Attributes:
        session: null where there is none (plain HTTP).
        limits: Each limit by the name of its setting.
        resources: What the machine has left; what cannot be read here is missing.
        usage_windows: What is known of the logins that agents use here.
    """

    server: ServerFacts
    session: SessionFacts | None
    limits: dict[str, float]
    capabilities: list[str]
    resources: dict[str, float]
    usage_windows: list[WindowFacts]

"""Who asks, and what they may."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Scope(StrEnum):
    """What a token allows. `admin` allows everything, also what belongs to others."""

    READ = "read"  # see one's own executions and their output
    RUN = "run"  # submit
    CONTROL = "control"  # pause, resume, cancel, answer
    ADMIN = "admin"  # everybody's executions, tokens, the server itself


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whose identity has been shown.

    Attributes:
        name: Unique on this server; executions carry it.
        scopes: What it may.
        token_id: Of the token it came with; None: it came another way (a Unix socket).
    """

    name: str
    scopes: frozenset[Scope]
    token_id: str | None = None

    def may(self, scope: Scope) -> bool:
        """Tell whether it may do what asks for `scope`."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def owns(self, principal: str | None) -> bool:
        """Tell whether it may touch what `principal` submitted (None: nobody on a server)."""
        return Scope.ADMIN in self.scopes or principal == self.name

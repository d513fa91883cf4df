"""What `ports.sessions.Sessions` promises."""

from __future__ import annotations

from cc_executor.testing.contracts.sessions.contract import JoinSessions, SessionsContract, Written

__all__ = ["JoinSessions", "SessionsContract", "Written"]

"""The suite: all promises of `ports.sessions.Sessions`."""

from __future__ import annotations

from cc_executor.testing.contracts.sessions.fixtures import JoinSessions, Written
from cc_executor.testing.contracts.sessions.holding import HoldingPromises
from cc_executor.testing.contracts.sessions.leases import LeasePromises
from cc_executor.testing.contracts.sessions.machine import MachinePromises
from cc_executor.testing.contracts.sessions.opening import OpeningPromises
from cc_executor.testing.contracts.sessions.resuming import ResumingPromises
from cc_executor.testing.contracts.sessions.together import TogetherPromises

__all__ = ["JoinSessions", "SessionsContract", "Written"]


class SessionsContract(
    OpeningPromises,
    ResumingPromises,
    HoldingPromises,
    LeasePromises,
    TogetherPromises,
    MachinePromises,
):
    """Subclass it and give it the fixtures `join_sessions` and `written`."""

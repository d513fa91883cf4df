"""What every part of the suite asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import pytest

from cc_executor.model.events import Cursor
from cc_executor.model.sessions import Subscription, Terms
from cc_executor.ports.clock import Clock
from cc_executor.ports.sessions import Sessions
from cc_executor.testing.clock import ManualClock

#: Opens one more instance where the test's sessions are kept: all of a test share one place, which
#: is empty at first. Whoever opens one closes it.
JoinSessions = Callable[[Terms, Clock], Awaitable[Sessions]]

#: Returns every byte that is kept there.
Written = Callable[[], Awaitable[bytes]]

TERMS: Final = Terms(max_sessions=3, timeout_s=600.0, lease_s=30.0)

SUBSCRIPTIONS: Final = {
    "first": Subscription(execution_id="run", cursor=Cursor(seq=7, chunks={"run.1.1": 40})),
    "second": Subscription(execution_id="other", task_id="other.2"),
}


class WithSessions:
    """A part of the suite: two instances on one place, and the clock that both read."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    async def sessions(
        self, join_sessions: JoinSessions, clock: ManualClock
    ) -> AsyncIterator[Sessions]:
        sessions = await join_sessions(TERMS, clock)
        yield sessions
        await sessions.aclose()

    @pytest.fixture
    async def others(
        self, join_sessions: JoinSessions, clock: ManualClock
    ) -> AsyncIterator[Sessions]:
        """Another server's instance."""
        sessions = await join_sessions(TERMS, clock)
        yield sessions
        await sessions.aclose()

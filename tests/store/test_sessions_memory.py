from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cc_executor.store.sessions.memory import MemorySessions, MemoryShelf
from cc_executor.testing.contracts.sessions import JoinSessions, SessionsContract, Written

if TYPE_CHECKING:
    from cc_executor.model.sessions import Terms
    from cc_executor.ports.clock import Clock
    from cc_executor.ports.sessions import Sessions


class TestMemorySessions(SessionsContract):
    @pytest.fixture
    def shelf(self) -> MemoryShelf:
        return MemoryShelf()

    @pytest.fixture
    def join_sessions(self, shelf: MemoryShelf) -> JoinSessions:
        async def join(terms: Terms, clock: Clock) -> Sessions:
            return MemorySessions(terms, clock, shelf)

        return join

    @pytest.fixture
    def written(self, shelf: MemoryShelf) -> Written:
        async def read() -> bytes:
            return repr(vars(shelf)).encode()

        return read

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cc_executor.store.sessions.sqlite import SqliteSessions
from cc_executor.testing.contracts.sessions import JoinSessions, SessionsContract, Written

if TYPE_CHECKING:
    from pathlib import Path

    from cc_executor.model.sessions import Terms
    from cc_executor.ports.clock import Clock
    from cc_executor.ports.sessions import Sessions


class TestSqliteSessions(SessionsContract):
    @pytest.fixture
    def join_sessions(self, tmp_path: Path) -> JoinSessions:
        async def join(terms: Terms, clock: Clock) -> Sessions:
            return await SqliteSessions.open_file(tmp_path / "sessions.sqlite", terms, clock)

        return join

    @pytest.fixture
    def written(self, tmp_path: Path) -> Written:
        async def read() -> bytes:
            return b"".join(file.read_bytes() for file in sorted(tmp_path.iterdir()))

        return read

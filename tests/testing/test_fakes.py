"""The fakes that are shipped keep the promises of what they stand in for."""

from __future__ import annotations

import pytest

from cc_executor.model.events import Stream
from cc_executor.testing.contracts.journals import JournalsContract
from cc_executor.testing.contracts.nudges import MakeNudges, NudgesContract
from cc_executor.testing.contracts.owners import DieAsOwner, MakeOwners, OwnersContract
from cc_executor.testing.fakes.journals import MemoryJournals
from cc_executor.testing.fakes.nudges import MemoryNudges
from cc_executor.testing.fakes.owners import MemoryOwners


class MemoryBench:
    def __init__(self) -> None:
        self.journals = MemoryJournals()

    def append(self, attempt_id: str, stream: Stream, data: bytes, *, at: float) -> None:
        self.journals.append(attempt_id, stream, data, at=at)

    def damage(self, attempt_id: str, offset: int) -> None:
        self.journals.damage(attempt_id, offset)


class TestMemoryJournals(JournalsContract):
    @pytest.fixture
    def bench(self) -> MemoryBench:
        return MemoryBench()


class TestMemoryOwners(OwnersContract):
    @pytest.fixture
    def owners(self) -> MemoryOwners:
        return MemoryOwners()

    @pytest.fixture
    def make_owners(self, owners: MemoryOwners) -> MakeOwners:
        return lambda _engine_id: owners.engine()

    @pytest.fixture
    def die_as_owner(self, owners: MemoryOwners) -> DieAsOwner:
        def own_and_die(execution_id: str) -> None:
            other = owners.engine()
            assert other.acquire(execution_id) is not None
            other.die()

        return own_and_die


class TestMemoryNudges(NudgesContract):
    @pytest.fixture
    def make_nudges(self) -> MakeNudges:
        return MemoryNudges().other

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cc_executor.store.memory import MemoryStore
from cc_executor.testing.contracts.store import StoreContract

if TYPE_CHECKING:
    from cc_executor.ports.store import Store
    from cc_executor.testing.contracts.store import MakeStore


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def make_store(self) -> MakeStore:
        async def make() -> Store:
            return MemoryStore()

        return make

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from cc_executor.store.sqlite import SqliteStore
from cc_executor.testing.contracts.store import StoreContract

if TYPE_CHECKING:
    from pathlib import Path

    from cc_executor.ports.store import Store
    from cc_executor.testing.contracts.store import MakeStore


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        numbers = count()

        async def make() -> Store:
            return await SqliteStore.open(tmp_path / f"{next(numbers)}.sqlite")

        return make

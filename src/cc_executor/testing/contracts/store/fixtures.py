"""What every part of the suite asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from cc_executor.ports.store import Store

#: Opens a new, empty store, each time it is called. The suite closes it.
MakeStore = Callable[[], Awaitable[Store]]


class WithStore:
    """A part of the suite: has a store that is closed after each test."""

    @pytest.fixture
    async def store(self, make_store: MakeStore) -> AsyncIterator[Store]:
        store = await make_store()
        yield store
        await store.aclose()

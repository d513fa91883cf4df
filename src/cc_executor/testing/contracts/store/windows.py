"""What is promised about usage windows, which belong to no execution."""

from __future__ import annotations

import msgspec

from cc_executor.model.windows import UsageWindow
from cc_executor.ports.store import Store
from cc_executor.testing.contracts.store.fixtures import WithStore
from cc_executor.testing.contracts.store.samples import AT

_FIVE_HOURS = UsageWindow(
    credential="a" * 32,
    name="five_hour",
    status="rejected",
    resets_at=AT + 60,
    utilization=None,
    seen_at=AT,
)
_SEVEN_DAYS = msgspec.structs.replace(
    _FIVE_HOURS, name="seven_day", status="allowed_warning", utilization=0.75
)
_ANOTHERS = msgspec.structs.replace(_FIVE_HOURS, credential="b" * 32, resets_at=None)


class WindowPromises(WithStore):
    async def test_windows_are_known_by_login_and_name(self, store: Store) -> None:
        for window in (_SEVEN_DAYS, _ANOTHERS, _FIVE_HOURS):
            await store.report_window(window)
        assert await store.usage_windows("a" * 32) == (_FIVE_HOURS, _SEVEN_DAYS)
        assert await store.usage_windows("c" * 32) == ()
        assert await store.usage_windows() == (_FIVE_HOURS, _SEVEN_DAYS, _ANOTHERS)

    async def test_what_was_seen_last_counts_in_whatever_order_it_comes(self, store: Store) -> None:
        later = msgspec.structs.replace(
            _FIVE_HOURS, status="allowed", resets_at=None, seen_at=AT + 1
        )
        await store.report_window(later)
        await store.report_window(_FIVE_HOURS)
        assert await store.usage_windows("a" * 32) == (later,)
        again = msgspec.structs.replace(_FIVE_HOURS, seen_at=AT + 1)
        await store.report_window(again)
        assert await store.usage_windows("a" * 32) == (again,)

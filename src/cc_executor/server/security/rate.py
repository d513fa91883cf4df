"""How many requests a principal may send."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from cc_executor.errors import RateLimited

#: Principals that are remembered. Names come from tokens, so there are few; this bounds it anyway.
_MOST_PRINCIPALS: Final = 10_000


class Rates:
    """A token bucket for each principal: a minute's requests may come at once, then evenly.

    Args:
        per_minute: Requests in a minute.
        now_s: A clock that never goes back, in seconds.
    """

    def __init__(self, per_minute: int, *, now_s: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._now_s = now_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # left, when

    def take(self, principal: str) -> None:
        """Count one request.

        Raises:
            RateLimited: There is none left; it says when there will be.
        """
        now = self._now_s()
        left, at = self._buckets.pop(principal, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - at) * self._per_minute / 60)
        allowed = left >= 1
        self._buckets[principal] = (left - 1 if allowed else left, now)
        if len(self._buckets) > _MOST_PRINCIPALS:
            self._buckets.popitem(last=False)
        if not allowed:
            raise RateLimited(
                value=self._per_minute,
                asked=self._per_minute + 1,
                retry_after_s=(1 - left) * 60 / self._per_minute,
            )

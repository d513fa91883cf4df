"""Waiting for "something changed" without ever missing it."""

from __future__ import annotations

import asyncio


class Bell:
    """Wakes everybody who waits, whoever they are; what changed they look up themselves.

    Take a `ticket` before you look; `beyond` it returns at once when the bell has rung since.
    """

    def __init__(self) -> None:
        self._rings = 0
        self._rung = asyncio.Event()

    def ticket(self) -> int:
        """Return how often the bell has rung."""
        return self._rings

    def ring(self) -> None:
        """Wake everybody."""
        self._rings += 1
        self._rung.set()
        self._rung = asyncio.Event()

    async def beyond(self, ticket: int, *, timeout_s: float | None) -> bool:
        """Return True once the bell has rung after `ticket`, False after `timeout_s`."""
        if self._rings > ticket:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        except TimeoutError:
            return False
        return True

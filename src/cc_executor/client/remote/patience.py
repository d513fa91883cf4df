"""How long somebody keeps trying."""

from __future__ import annotations

import asyncio
import random
import time

from cc_executor.client.remote.backoff import delays
from cc_executor.errors import CCExecutorError, ConnectionLost, LimitReached, ServerUnavailable

_CHANCE = random.SystemRandom()
#: The server's own bound on what one connection may ask at a time: nothing was done.
_AT_ONCE = "max_outstanding"


class Patience:
    """Waits between attempts, ever longer, until nothing has gone well for too long.

    Args:
        longest_s: How long that may be; 0: one attempt.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self.went_well()

    def went_well(self) -> None:
        """Begin anew."""
        self._gives_up_at: float | None = None
        self.was_there()

    def was_there(self) -> None:
        """Wait for less long the next time: the server is there, though we got no further."""
        self._delays = delays(_CHANCE)

    async def wait_after(self, error: CCExecutorError) -> None:
        """Return when it is time for the next attempt.

        Raises:
            CCExecutorError: `error`, when the patience is at its end.
        """
        now = time.monotonic()
        if self._gives_up_at is None:
            self._gives_up_at = now + self._longest_s
        delay_s = next(self._delays)
        if now + delay_s > self._gives_up_at or not self._longest_s:
            raise error
        await asyncio.sleep(delay_s)


def may_pass(error: CCExecutorError) -> bool:
    """Tell whether the next attempt to connect can do better."""
    return error.retryable


def was_not_answered(error: CCExecutorError) -> bool:
    """Tell whether a call should be made again, if that is safe: the server was on its way out."""
    if isinstance(error, LimitReached):
        return error.limit == _AT_ONCE
    return isinstance(error, ConnectionLost | ServerUnavailable)

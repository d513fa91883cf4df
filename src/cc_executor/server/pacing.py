"""Batches of a stream with pauses in between, when there is something else to be said."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from cc_executor.model.events import StreamEvent
from cc_executor.protocol.pacing import Pace

Batch = Sequence[StreamEvent]


async def with_pauses(batches: AsyncGenerator[Batch, None], pace: Pace) -> AsyncIterator[Batch]:
    """Yield the batches, and an empty one whenever progress is due and nothing has come."""
    while True:
        coming = asyncio.ensure_future(anext(batches, None))
        try:
            while not coming.done():
                done, _ = await asyncio.wait((coming,), timeout=pace.wait_s(time.monotonic()))
                if not done:
                    yield ()
            batch = coming.result()
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        if batch is None:
            return
        yield batch

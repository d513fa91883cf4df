"""A server's place at the sessions: `session_process.py PLACE COUNT MAX`.

PLACE is a file, or the URL of a Redis. It tries to open COUNT sessions at once, MAX being allowed,
keeps a cursor in each, prints a line per session (its token) and `done`, and holds them until it
is killed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cc_executor.errors import TooManySessions
from cc_executor.model.events import Cursor
from cc_executor.model.sessions import Subscription, Terms
from cc_executor.process.clock import SystemClock
from cc_executor.store.sessions.redis import RedisSessions
from cc_executor.store.sessions.redis_link import Link
from cc_executor.store.sessions.sqlite import SqliteSessions

if TYPE_CHECKING:
    from cc_executor.ports.sessions import Sessions

SUBSCRIPTIONS = {"s": Subscription(execution_id="run", cursor=Cursor(seq=7))}


async def opened(place: str, max_sessions: int) -> Sessions:
    terms = Terms(max_sessions=max_sessions, timeout_s=600.0)
    if "://" in place:
        return RedisSessions(Link(place, pool_size=4, timeout_s=20.0), terms, SystemClock())
    return await SqliteSessions.open_file(Path(place), terms, SystemClock())


async def main(place: str, count: int, max_sessions: int) -> None:
    sessions = await opened(place, max_sessions)
    results = await asyncio.gather(
        *(sessions.open("ada") for _ in range(count)), return_exceptions=True
    )
    for result in results:
        if isinstance(result, TooManySessions):
            continue
        if isinstance(result, BaseException):
            raise result
        session, token = result
        await sessions.save(session.id, session.generation, SUBSCRIPTIONS)
        print(token)  # noqa: T201 - its parent reads it
    print("done", flush=True)  # noqa: T201 - its parent reads it
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))

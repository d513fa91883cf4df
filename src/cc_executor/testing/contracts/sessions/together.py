"""What is promised when many ask at once, when callers give up, and at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from cc_executor.errors import SessionsUnavailable, SessionTaken, TooManySessions
from cc_executor.model.events import Cursor
from cc_executor.model.sessions import Session, Subscription
from cc_executor.ports.sessions import Sessions
from cc_executor.testing.clock import ManualClock
from cc_executor.testing.contracts.sessions.fixtures import (
    SUBSCRIPTIONS,
    TERMS,
    JoinSessions,
    WithSessions,
)


class TogetherPromises(WithSessions):
    async def test_of_two_hundred_who_open_at_once_exactly_as_many_get_in_as_there_is_room(
        self, join_sessions: JoinSessions, clock: ManualClock
    ) -> None:
        terms = TERMS._replace(max_sessions=37)
        instances = [await join_sessions(terms, clock) for _ in range(2)]
        results = await asyncio.gather(
            *(instances[n % 2].open(f"user{n}") for n in range(200)), return_exceptions=True
        )
        refused = [one for one in results if isinstance(one, TooManySessions)]
        opened = [one for one in results if isinstance(one, tuple)]
        assert (len(opened), len(refused)) == (37, 163)
        assert [await one.count() for one in instances] == [37, 37]
        assert len({session.id for session, _ in opened}) == 37
        for instance in instances:
            await instance.aclose()

    async def test_of_many_who_resume_at_once_the_last_one_has_it(
        self, sessions: Sessions, others: Sessions
    ) -> None:
        session, token = await sessions.open("ada")
        resumed = await asyncio.gather(
            *((sessions, others)[n % 2].resume(token, "ada") for n in range(50))
        )
        assert sorted(one.generation for one in resumed) == list(range(2, 52))
        assert await sessions.count() == 1

        async def save(generation: int) -> bool:
            try:
                await sessions.save(session.id, generation, SUBSCRIPTIONS)
            except SessionTaken:
                return False
            return True

        accepted = [one.generation for one in resumed if await save(one.generation)]
        assert accepted == [51]

    async def test_of_many_saves_at_once_one_is_kept_whole(
        self, sessions: Sessions, others: Sessions
    ) -> None:
        session, token = await sessions.open("ada")
        saved = [
            {
                f"{n}": Subscription(execution_id=f"run{n}", cursor=Cursor(seq=n)),
                "all": Subscription(execution_id=f"run{n}"),
            }
            for n in range(50)
        ]
        await asyncio.gather(*(sessions.save(session.id, 1, one) for one in saved))
        assert (await others.resume(token, "ada")).subscriptions in saved

    @pytest.mark.parametrize("turns", range(4))
    async def test_a_caller_who_gives_up_leaves_a_whole_move_or_none(
        self, sessions: Sessions, turns: int
    ) -> None:
        session, token = await sessions.open("ada")
        saving = asyncio.ensure_future(sessions.save(session.id, 1, SUBSCRIPTIONS))
        for _ in range(turns):
            await asyncio.sleep(0)
        saving.cancel()
        await asyncio.wait([saving])
        resumed = await sessions.resume(token, "ada")
        assert resumed.subscriptions in ({}, SUBSCRIPTIONS)
        assert resumed.generation == 2

    async def test_callers_who_give_up_take_nothing_with_them(self, sessions: Sessions) -> None:
        session, token = await sessions.open("ada")
        for turns in range(20):
            giving_up = [asyncio.ensure_future(sessions.count()) for _ in range(20)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for one in giving_up:
                one.cancel()
            await asyncio.wait(giving_up)
        counts = await asyncio.gather(*(sessions.count() for _ in range(20)))
        assert set(counts) == {1}
        assert (await sessions.resume(token, "ada")).id == session.id

    async def test_sessions_outlive_the_instance_that_opened_them(
        self, join_sessions: JoinSessions, clock: ManualClock
    ) -> None:
        sessions = await join_sessions(TERMS, clock)
        # In Redis and in files they would; in memory as long as somebody else is there.
        others = await join_sessions(TERMS, clock)
        session, token = await sessions.open("ada")
        await sessions.save(session.id, 1, SUBSCRIPTIONS)
        await sessions.aclose()
        assert (await others.resume(token, "ada")).subscriptions == SUBSCRIPTIONS
        await others.aclose()

    async def test_closed_ones_refuse_everything(
        self, join_sessions: JoinSessions, clock: ManualClock
    ) -> None:
        sessions = await join_sessions(TERMS, clock)
        session, token = await sessions.open("ada")
        await asyncio.gather(sessions.aclose(), sessions.aclose())
        await sessions.aclose()
        for call in _every_call(sessions, session, token):
            with pytest.raises(SessionsUnavailable):
                await call()


def _every_call(
    sessions: Sessions, session: Session, token: str
) -> tuple[Callable[[], Awaitable[object]], ...]:
    return (
        lambda: sessions.open("ada"),
        lambda: sessions.resume(token, "ada"),
        lambda: sessions.renew({session.id: 1}),
        lambda: sessions.save(session.id, 1, {}),
        lambda: sessions.release(session.id, 1),
        lambda: sessions.close(session.id, 1),
        sessions.count,
        sessions.prune,
        sessions.healthy,
    )

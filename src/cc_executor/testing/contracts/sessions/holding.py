"""What is promised to whoever holds a session."""

from __future__ import annotations

import pytest

from cc_executor.errors import LimitReached, SessionNotFound
from cc_executor.model.events import Cursor
from cc_executor.model.sessions import MAX_SUBSCRIPTIONS_BYTES, Subscription
from cc_executor.ports.sessions import Sessions
from cc_executor.testing.clock import ManualClock
from cc_executor.testing.contracts.sessions.fixtures import (
    SUBSCRIPTIONS,
    TERMS,
    WithSessions,
)


class HoldingPromises(WithSessions):
    async def test_what_is_saved_last_is_what_is_found(
        self, sessions: Sessions, others: Sessions
    ) -> None:
        session, token = await sessions.open("ada")
        odd = {
            "": Subscription(execution_id="\u00fc\U0001f600 \x00 '\"\\"),
            "with many chunks": Subscription(
                execution_id="run",
                cursor=Cursor(seq=2**53, chunks={f"run.1.{n}": n for n in range(500)}),
            ),
        }
        generation = session.generation
        for subscriptions in (SUBSCRIPTIONS, odd, {}, SUBSCRIPTIONS):
            await sessions.save(session.id, generation, subscriptions)
            resumed = await others.resume(token, "ada")
            assert resumed.subscriptions == subscriptions
            generation = resumed.generation

    async def test_saving_makes_a_released_session_last_but_not_live(
        self, sessions: Sessions, clock: ManualClock
    ) -> None:
        session, token = await sessions.open("ada")
        await sessions.release(session.id, 1)
        clock.advance(TERMS.timeout_s - 1)
        await sessions.save(session.id, 1, SUBSCRIPTIONS)  # the connection's last words
        assert await sessions.count() == 0
        clock.advance(TERMS.timeout_s - 1)
        assert (await sessions.resume(token, "ada")).subscriptions == SUBSCRIPTIONS

    async def test_releasing_keeps_the_generation_and_can_be_repeated(
        self, sessions: Sessions
    ) -> None:
        session, token = await sessions.open("ada")
        await sessions.release(session.id, 1)
        await sessions.release(session.id, 1)
        assert await sessions.count() == 0
        assert (await sessions.resume(token, "ada")).generation == 2

    async def test_what_is_too_large_is_refused_and_changes_nothing(
        self, sessions: Sessions
    ) -> None:
        session, token = await sessions.open("ada")
        await sessions.save(session.id, 1, SUBSCRIPTIONS)
        huge = {"": Subscription(execution_id="x" * MAX_SUBSCRIPTIONS_BYTES)}
        with pytest.raises(LimitReached) as refusal:
            await sessions.save(session.id, 1, huge)
        assert refusal.value.unit == "KiB"
        assert refusal.value.value == MAX_SUBSCRIPTIONS_BYTES / 1024
        large = {"": Subscription(execution_id="x" * (MAX_SUBSCRIPTIONS_BYTES - 100))}
        assert (await sessions.resume(token, "ada")).subscriptions == SUBSCRIPTIONS
        await sessions.save(session.id, 2, large)
        assert (await sessions.resume(token, "ada")).subscriptions == large

    async def test_what_never_was_is_not_found(self, sessions: Sessions) -> None:
        with pytest.raises(SessionNotFound):
            await sessions.save("0" * 32, 1, {})
        assert await sessions.renew({"0" * 32: 1, "": 1}) == {"0" * 32, ""}
        assert await sessions.renew({}) == frozenset()
        await sessions.release("0" * 32, 1)
        await sessions.close("0" * 32, 1)
        assert await sessions.count() == 0
        assert await sessions.prune() == 0
        await sessions.healthy()

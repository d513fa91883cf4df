"""What is promised about time: leases, and the end of what nobody wants any more."""

from __future__ import annotations

import pytest

from cc_executor.errors import SessionNotFound, TooManySessions
from cc_executor.model.sessions import RENEW_EVERY_S
from cc_executor.ports.sessions import Sessions
from cc_executor.testing.clock import ManualClock
from cc_executor.testing.contracts.sessions.fixtures import (
    TERMS,
    JoinSessions,
    WithSessions,
)


class LeasePromises(WithSessions):
    async def test_sessions_of_a_server_that_died_stop_counting_when_their_leases_end(
        self, sessions: Sessions, others: Sessions, clock: ManualClock
    ) -> None:
        for _ in range(TERMS.max_sessions):
            await sessions.open("ada")  # and nobody renews them
        clock.advance(TERMS.lease_s - 0.25)
        with pytest.raises(TooManySessions):
            await others.open("ada")
        clock.advance(0.25)
        assert await others.count() == 0
        for _ in range(TERMS.max_sessions):
            await others.open("ada")
        with pytest.raises(TooManySessions):
            await others.open("ada")

    async def test_a_lease_that_is_renewed_does_not_end(
        self, sessions: Sessions, clock: ManualClock
    ) -> None:
        opened = [(await sessions.open("ada"))[0] for _ in range(TERMS.max_sessions)]
        held = {session.id: 1 for session in opened}
        for _ in range(100):
            clock.advance(RENEW_EVERY_S)
            assert await sessions.renew(held) == frozenset()
        assert await sessions.count() == TERMS.max_sessions

    async def test_many_leases_are_renewed_at_once_and_the_lost_ones_are_named(
        self, join_sessions: JoinSessions, clock: ManualClock
    ) -> None:
        sessions = await join_sessions(TERMS._replace(max_sessions=1_500), clock)
        opened = [await sessions.open("ada") for _ in range(1_200)]
        held = {session.id: 1 for session, _ in opened}
        taken = opened[::7]
        for _, token in taken:
            await sessions.resume(token, "ada")
        clock.advance(RENEW_EVERY_S)
        assert await sessions.renew(held) == {session.id for session, _ in taken}
        clock.advance(TERMS.lease_s - RENEW_EVERY_S)  # what was taken has not been renewed
        assert await sessions.count() == len(opened) - len(taken)
        await sessions.aclose()

    async def test_a_lease_that_has_run_out_is_renewed_as_long_as_there_is_room(
        self, sessions: Sessions, clock: ManualClock
    ) -> None:
        first, _ = await sessions.open("ada")
        last, _ = await sessions.open("ada")
        clock.advance(TERMS.lease_s + 1)
        for _ in range(TERMS.max_sessions - 1):
            await sessions.open("eve")
        assert await sessions.renew({first.id: 1, last.id: 1}) == {last.id}
        assert await sessions.count() == TERMS.max_sessions

    async def test_a_released_session_ends_with_its_timeout(
        self, sessions: Sessions, clock: ManualClock
    ) -> None:
        session, token = await sessions.open("ada")
        clock.advance(TERMS.lease_s)
        await sessions.renew({session.id: 1})
        await sessions.release(session.id, 1)
        clock.advance(TERMS.timeout_s - 0.25)
        assert await sessions.prune() == 0
        clock.advance(0.25)
        with pytest.raises(SessionNotFound):
            await sessions.resume(token, "ada")
        with pytest.raises(SessionNotFound):
            await sessions.save(session.id, 1, {})
        assert await sessions.renew({session.id: 1}) == {session.id}

    async def test_a_live_session_does_not_end_however_short_the_timeout_is(
        self, join_sessions: JoinSessions, clock: ManualClock
    ) -> None:
        sessions = await join_sessions(TERMS._replace(timeout_s=1.0), clock)
        session, token = await sessions.open("ada")
        clock.advance(TERMS.lease_s - 1)
        assert await sessions.renew({session.id: 1}) == frozenset()
        clock.advance(TERMS.lease_s - 1)
        assert (await sessions.resume(token, "ada")).generation == 2
        clock.advance(TERMS.lease_s)
        with pytest.raises(SessionNotFound):
            await sessions.resume(token, "ada")
        await sessions.aclose()

    async def test_pruning_forgets_what_has_ended_and_nothing_else(
        self, sessions: Sessions, clock: ManualClock
    ) -> None:
        released, _ = await sessions.open("ada")
        await sessions.release(released.id, 1)
        await sessions.open("ada")  # left without a word
        clock.advance(TERMS.timeout_s - 1)
        kept, token = await sessions.open("ada")
        await sessions.release(kept.id, 1)
        clock.advance(1)
        assert await sessions.prune() == 2
        assert await sessions.prune() == 0
        assert (await sessions.resume(token, "ada")).id == kept.id

    async def test_a_clock_that_is_set_back_ends_nothing(
        self, sessions: Sessions, clock: ManualClock
    ) -> None:
        session, token = await sessions.open("ada")
        clock.advance(-3_600)
        assert await sessions.count() == 1
        assert await sessions.renew({session.id: 1}) == frozenset()
        clock.advance(TERMS.lease_s)
        assert await sessions.count() == 0
        assert (await sessions.resume(token, "ada")).generation == 2

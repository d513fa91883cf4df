"""What is promised about taking a session over."""

from __future__ import annotations

import pytest

from cc_executor.errors import SessionNotFound, SessionTaken, TooManySessions
from cc_executor.model.sessions import new_token
from cc_executor.ports.sessions import Sessions
from cc_executor.testing.clock import ManualClock
from cc_executor.testing.contracts.sessions.fixtures import (
    SUBSCRIPTIONS,
    TERMS,
    WithSessions,
)


class ResumingPromises(WithSessions):
    async def test_a_session_that_was_left_is_resumed_elsewhere_with_all_that_it_had_seen(
        self, sessions: Sessions, others: Sessions, clock: ManualClock
    ) -> None:
        session, token = await sessions.open("ada")
        await sessions.save(session.id, 1, SUBSCRIPTIONS)
        await sessions.release(session.id, 1)
        clock.advance(TERMS.timeout_s - 1)
        resumed = await others.resume(token, "ada")
        assert (resumed.id, resumed.principal) == (session.id, "ada")
        assert resumed.subscriptions == SUBSCRIPTIONS
        assert (resumed.generation, resumed.created_at) == (2, session.created_at)
        assert resumed.last_seen_at == clock.now_s()
        assert resumed.lease_until == clock.now_s() + TERMS.lease_s
        assert await sessions.count() == 1

    async def test_a_token_serves_again_and_again(self, sessions: Sessions) -> None:
        _, token = await sessions.open("ada")
        generations = [(await sessions.resume(token, "ada")).generation for _ in range(3)]
        assert generations == [2, 3, 4]
        assert await sessions.count() == 1

    async def test_whoever_held_it_before_is_refused_and_changes_nothing(
        self, sessions: Sessions, others: Sessions
    ) -> None:
        session, token = await sessions.open("ada")
        await sessions.save(session.id, 1, SUBSCRIPTIONS)
        await others.resume(token, "ada")
        for refused in (
            sessions.save(session.id, 1, {}),
            sessions.release(session.id, 1),
            sessions.close(session.id, 1),
        ):
            with pytest.raises(SessionTaken) as refusal:
                await refused
            assert refusal.value.session_id == session.id
        assert await sessions.renew({session.id: 1}) == {session.id}
        assert await others.count() == 1
        assert await others.renew({session.id: 2}) == frozenset()
        assert (await others.resume(token, "ada")).subscriptions == SUBSCRIPTIONS

    async def test_a_generation_that_nobody_was_given_is_refused(self, sessions: Sessions) -> None:
        session, _ = await sessions.open("ada")
        for generation in (0, 2, -1):
            with pytest.raises(SessionTaken):
                await sessions.save(session.id, generation, {})
            assert await sessions.renew({session.id: generation}) == {session.id}

    @pytest.mark.parametrize("left", ["held", "released", "lapsed"])
    async def test_somebody_elses_session_does_not_exist(
        self, sessions: Sessions, clock: ManualClock, left: str
    ) -> None:
        session, token = await sessions.open("ada")
        if left == "released":
            await sessions.release(session.id, 1)
        if left == "lapsed":
            clock.advance(TERMS.lease_s)
        for principal in ("eve", "", "Ada", "ada "):
            with pytest.raises(SessionNotFound) as refusal:
                await sessions.resume(token, principal)
            with pytest.raises(SessionNotFound) as unknown:
                await sessions.resume(new_token("0" * 32, bytes(32)), principal)
            assert str(refusal.value) == str(unknown.value)
        assert (await sessions.resume(token, "ada")).generation == 2

    async def test_what_is_not_quite_the_token_is_refused(self, sessions: Sessions) -> None:
        session, token = await sessions.open("ada")
        other, other_token = await sessions.open("ada")
        secret = other_token.removeprefix(other.id)
        for wrong in (
            "",
            session.id,
            f"{session.id}.",
            f"{session.id}{secret}",
            new_token(session.id, bytes(32)),
            token[:-1],
            f"{token}=",
            f"{token}\n",
            f" {token}",
            token.upper(),
            token.swapcase(),
            "\udc80" * 76,
            "x" * 1_000_000,
        ):
            with pytest.raises(SessionNotFound):
                await sessions.resume(wrong, "ada")
        assert (await sessions.resume(token, "ada")).generation == 2

    @pytest.mark.parametrize("how", ["released", "lapsed"])
    async def test_a_session_that_nobody_holds_needs_room_to_be_resumed(
        self, sessions: Sessions, clock: ManualClock, how: str
    ) -> None:
        session, token = await sessions.open("ada")
        if how == "released":
            await sessions.release(session.id, 1)
        else:
            clock.advance(TERMS.lease_s)
        others = [(await sessions.open("ada"))[0] for _ in range(TERMS.max_sessions)]
        with pytest.raises(TooManySessions):
            await sessions.resume(token, "ada")
        await sessions.close(others[0].id, 1)
        assert (await sessions.resume(token, "ada")).generation == 2

    async def test_a_session_that_somebody_holds_needs_none(self, sessions: Sessions) -> None:
        tokens = [(await sessions.open("ada"))[1] for _ in range(TERMS.max_sessions)]
        for token in tokens:
            assert (await sessions.resume(token, "ada")).generation == 2
        assert await sessions.count() == TERMS.max_sessions

    async def test_a_closed_session_is_gone_for_good(self, sessions: Sessions) -> None:
        session, token = await sessions.open("ada")
        await sessions.close(session.id, 1)
        for _ in range(2):
            with pytest.raises(SessionNotFound):
                await sessions.resume(token, "ada")
        with pytest.raises(SessionNotFound):
            await sessions.save(session.id, 1, {})
        assert await sessions.renew({session.id: 1}) == {session.id}
        await sessions.release(session.id, 1)  # nothing is left to be done
        await sessions.close(session.id, 1)
        assert await sessions.count() == 0

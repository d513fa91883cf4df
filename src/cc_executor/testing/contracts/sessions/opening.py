"""What is promised about new sessions and their tokens."""

from __future__ import annotations

import pytest

from cc_executor.errors import SessionNotFound, TooManySessions
from cc_executor.model.sessions import Session
from cc_executor.ports.sessions import Sessions
from cc_executor.testing.clock import ManualClock
from cc_executor.testing.contracts.sessions.fixtures import (
    SUBSCRIPTIONS,
    TERMS,
    JoinSessions,
    WithSessions,
    Written,
)


class OpeningPromises(WithSessions):
    async def test_a_new_session_is_live_and_follows_nothing(
        self, sessions: Sessions, clock: ManualClock
    ) -> None:
        session, _ = await sessions.open("ada")
        assert session == Session(
            id=session.id,
            principal="ada",
            created_at=clock.now_s(),
            last_seen_at=clock.now_s(),
            generation=1,
            lease_until=clock.now_s() + TERMS.lease_s,
            subscriptions={},
        )
        assert await sessions.count() == 1

    async def test_ids_and_tokens_repeat_nothing(self, sessions: Sessions) -> None:
        opened = [await sessions.open("ada") for _ in range(TERMS.max_sessions)]
        assert len({session.id for session, _ in opened}) == TERMS.max_sessions
        secrets = {token.removeprefix(session.id) for session, token in opened}
        assert len(secrets) == TERMS.max_sessions

    async def test_no_secret_is_written_anywhere(
        self, sessions: Sessions, written: Written
    ) -> None:
        session, token = await sessions.open("ada")
        await sessions.save(session.id, 1, SUBSCRIPTIONS)
        await sessions.resume(token, "ada")
        everything = await written()
        assert session.id.encode() in everything  # or it was looked for in the wrong place
        secret = token.removeprefix(f"{session.id}.")
        assert len(secret) == 43  # 256 bits
        assert secret.encode() not in everything

    async def test_one_more_than_allowed_is_refused_whoever_asks(
        self, sessions: Sessions, others: Sessions
    ) -> None:
        for _ in range(TERMS.max_sessions - 1):
            await sessions.open("ada")
        await others.open("bob")
        for instance in (sessions, others):
            with pytest.raises(TooManySessions) as refusal:
                await instance.open("eve")
            assert refusal.value.limit == "max_sessions"
            assert (refusal.value.value, refusal.value.asked) == (3, 4)
            assert await instance.count() == TERMS.max_sessions

    @pytest.mark.parametrize("how", ["close", "release"])
    async def test_whoever_goes_makes_room_at_once(self, sessions: Sessions, how: str) -> None:
        opened = [(await sessions.open("ada"))[0] for _ in range(TERMS.max_sessions)]
        await getattr(sessions, how)(opened[1].id, 1)
        assert await sessions.count() == TERMS.max_sessions - 1
        await sessions.open("ada")
        with pytest.raises(TooManySessions):
            await sessions.open("ada")

    async def test_of_sessions_that_nobody_holds_only_so_many_are_remembered(
        self, join_sessions: JoinSessions, clock: ManualClock
    ) -> None:
        terms = TERMS._replace(max_sessions=2)
        sessions = await join_sessions(terms, clock)
        living, its_token = await sessions.open("ada")
        tokens = []
        for _ in range(terms.max_kept):  # one more than there is room for beside the living one
            clock.advance(1)
            session, token = await sessions.open("ada")
            tokens.append(token)
            await sessions.release(session.id, 1)
        clock.advance(TERMS.lease_s)  # nobody is held any more
        assert (await sessions.resume(its_token, "ada")).id == living.id
        gone = [token for token in tokens if not await _can_be_resumed(sessions, token)]
        assert gone == tokens[:1]  # the one that nobody has seen for longest
        await sessions.aclose()


async def _can_be_resumed(sessions: Sessions, token: str) -> bool:
    try:
        session = await sessions.resume(token, "ada")
    except SessionNotFound:
        return False
    await sessions.release(session.id, session.generation)
    return True

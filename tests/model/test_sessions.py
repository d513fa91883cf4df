from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.errors import LimitReached, SessionNotFound, SessionTaken
from cc_executor.model import sessions as law
from cc_executor.model.events import Cursor
from cc_executor.model.sessions import Session, Subscription, Terms

TERMS = Terms(max_sessions=5, timeout_s=600.0, lease_s=30.0)

instants = st.floats(0, 4e9)
durations = st.floats(0.25, 1e7)
terms = st.builds(Terms, max_sessions=st.integers(1, 1_000), timeout_s=durations, lease_s=durations)


def session(**changes: object) -> Session:
    return msgspec.structs.replace(law.opened("s", "ada", 1_000.0, TERMS), **changes)


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32))
def test_a_token_leads_to_its_session_and_to_nothing_else(chance: bytes, secret: bytes) -> None:
    session_id = law.new_session_id(chance)
    token = law.new_token(session_id, secret)
    assert law.session_of(token) == session_id
    assert token.isascii()
    kept = law.fingerprint(token)
    assert token.partition(".")[2] not in kept
    other = bytes([secret[0] ^ 1, *secret[1:]])
    assert law.fingerprint(law.new_token(session_id, other)) != kept


@given(st.text(max_size=100))
def test_any_other_text_is_refused_before_anything_is_asked(text: str) -> None:
    with pytest.raises(SessionNotFound):
        law.session_of(text)


@given(terms, instants, durations)
def test_a_session_is_live_until_its_lease_ends_and_never_ends_before(
    terms: Terms, now_s: float, later_s: float
) -> None:
    opened = law.opened("s", "ada", now_s, terms)
    at = now_s + later_s
    assert opened.is_live(at) == (at < now_s + terms.lease_s)
    assert not (opened.is_live(at) and terms.has_ended(opened, at))
    released = law.released(opened, at)
    assert not released.is_live(at)
    assert terms.ends_at(released) == at + terms.timeout_s


@given(terms, instants, durations)
def test_renewing_keeps_the_generation_and_taking_over_raises_it(
    terms: Terms, now_s: float, later_s: float
) -> None:
    opened = law.opened("s", "ada", now_s, terms)
    at = now_s + later_s
    renewed, taken = law.renewed(opened, at, terms), law.taken_over(opened, at, terms)
    assert (renewed.generation, taken.generation) == (1, 2)
    for one in (renewed, taken):
        assert one.lease_until == at + terms.lease_s
        assert one.last_seen_at == at
        assert one.created_at == now_s
    law.check_holder(taken, 2)
    with pytest.raises(SessionTaken):
        law.check_holder(taken, 1)


def test_saving_changes_neither_lease_nor_generation() -> None:
    subscriptions = {"a": Subscription(execution_id="run")}
    assert law.saved(session(), subscriptions, 1_010.0) == session(
        last_seen_at=1_010.0, subscriptions=subscriptions
    )


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.builds(
            Subscription,
            execution_id=st.text(max_size=5),
            task_id=st.none() | st.text(max_size=5),
            cursor=st.builds(
                Cursor,
                seq=st.integers(0, 2**63 - 1),
                chunks=st.dictionaries(st.text(max_size=5), st.integers(-1, 2**63 - 1)),
            ),
        ),
        max_size=5,
    )
)
def test_what_is_kept_of_subscriptions_is_all_of_them(
    subscriptions: dict[str, Subscription],
) -> None:
    assert law.decoded(law.encoded(subscriptions)) == subscriptions


def test_subscriptions_have_a_largest_size() -> None:
    empty = len(law.encoded({"": Subscription(execution_id="")}))
    largest = "x" * (law.MAX_SUBSCRIPTIONS_BYTES - empty)
    law.encoded({"": Subscription(execution_id=largest)})
    with pytest.raises(LimitReached, match="allows 1024 KiB, 1025 were asked for"):
        law.encoded({"": Subscription(execution_id=f"{largest}x")})


def test_leases_bear_two_renewals_that_fail() -> None:
    assert law.LEASE_S >= 3 * law.RENEW_EVERY_S

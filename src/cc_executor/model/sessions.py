"""Sessions: a client's place in the streams, who has it, and how long it is kept.

A session is *live* while a connection holds its lease, which that connection's server renews; only
live sessions are counted against `max_sessions`. A session without a living connection, because it
went or because its server died, can be resumed until it *ends*.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from cc_executor.errors import LimitReached, SessionNotFound, SessionTaken
from cc_executor.model.events import Cursor

#: A server renews the leases of its connections this often; they bear two renewals that fail.
RENEW_EVERY_S: Final = 10.0
LEASE_S: Final = 30.0

ID_BYTES: Final = 16
SECRET_BYTES: Final = 32

#: Sessions that are remembered, for each that may be live: whoever opens one after the other and
#: leaves them must not fill the store.
_KEPT_FOR_EACH: Final = 10

#: Largest subscriptions of a session, written as JSON.
MAX_SUBSCRIPTIONS_BYTES: Final = 1024 * 1024

_TOKEN: Final = re.compile(r"(?P<session_id>[0-9a-f]{32})\.[0-9A-Za-z_-]{43}", re.ASCII)


class Subscription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stream that a client follows.

    Attributes:
        execution_id: Whose stream.
        task_id: Only this task's; None: all of it.
        cursor: What the client has seen of it.
        progress: Whether the client is told how far the tasks are, too.
    """

    execution_id: str
    task_id: str | None = None
    cursor: Cursor = Cursor()
    progress: bool = False


Subscriptions = Mapping[str, Subscription]  # by the client's or the server's name for it


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it stands.

    Attributes:
        principal: Whose it is; nobody else can resume it.
        created_at: Seconds since the epoch, UTC; as all instants here.
        last_seen_at: When its holder last gave a sign of life.
        generation: Of the lease; grows with every resumption. A write with another one is refused.
        lease_until: When the holder's lease ends unless it is renewed; None: it was given back.
        subscriptions: By name.
    """

    id: str
    principal: str
    created_at: float
    last_seen_at: float
    generation: int
    lease_until: float | None
    subscriptions: dict[str, Subscription] = {}

    def is_live(self, now_s: float) -> bool:
        """Tell whether a connection holds it."""
        return self.lease_until is not None and now_s < self.lease_until


class Terms(NamedTuple):
    """What sessions are bound by.

    Attributes:
        max_sessions: Most live ones, on all servers together.
        timeout_s: How long one is kept after the last sign of life.
        lease_s: How long a lease lasts unless it is renewed.
    """

    max_sessions: int
    timeout_s: float
    lease_s: float = LEASE_S

    @property
    def max_kept(self) -> int:
        """Most sessions that are remembered; the idle one that would end first makes room."""
        return self.max_sessions * _KEPT_FOR_EACH

    def ends_at(self, session: Session) -> float:
        """Return when the session ends if nobody gives a sign of life; a live one has not ended."""
        return max(session.lease_until or 0.0, session.last_seen_at + self.timeout_s)

    def has_ended(self, session: Session, now_s: float) -> bool:
        """Tell whether the session can be forgotten."""
        return now_s >= self.ends_at(session)


# --- tokens --------------------------------------------------------------------------------------


def new_session_id(entropy: bytes) -> str:
    """Return an id made of `ID_BYTES` random bytes: it tells nothing."""
    return entropy[:ID_BYTES].hex()


def new_token(session_id: str, entropy: bytes) -> str:
    """Return the resume token: the id, and a secret of `SECRET_BYTES` random bytes."""
    secret = base64.urlsafe_b64encode(entropy[:SECRET_BYTES]).rstrip(b"=").decode()
    return f"{session_id}.{secret}"


def session_of(token: str) -> str:
    """Return the id of the session that a token is for, if there is one.

    Raises:
        SessionNotFound: No token looks like this.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise SessionNotFound
    return found["session_id"]


def fingerprint(token: str) -> str:
    """Return what is stored of a token: whoever reads the store can resume nothing.

    The secret has 256 random bits, so a plain hash is enough.
    """
    return hashlib.sha256(token.encode()).hexdigest()


# --- moves ---------------------------------------------------------------------------------------


def opened(session_id: str, principal: str, now_s: float, terms: Terms) -> Session:
    """Return a new session, held by whoever opens it."""
    return Session(
        id=session_id,
        principal=principal,
        created_at=now_s,
        last_seen_at=now_s,
        generation=1,
        lease_until=now_s + terms.lease_s,
    )


def renewed(session: Session, now_s: float, terms: Terms) -> Session:
    """Return the session with its holder's lease extended."""
    return msgspec.structs.replace(session, last_seen_at=now_s, lease_until=now_s + terms.lease_s)


def taken_over(session: Session, now_s: float, terms: Terms) -> Session:
    """Return the session with a new holder; the earlier one's generation is stale."""
    held = renewed(session, now_s, terms)
    return msgspec.structs.replace(held, generation=session.generation + 1)


def saved(session: Session, subscriptions: Subscriptions, now_s: float) -> Session:
    """Return the session with what its holder follows now."""
    return msgspec.structs.replace(session, last_seen_at=now_s, subscriptions=dict(subscriptions))


def released(session: Session, now_s: float) -> Session:
    """Return the session without a holder."""
    return msgspec.structs.replace(session, last_seen_at=now_s, lease_until=None)


# --- what is refused -----------------------------------------------------------------------------


def check_holder(session: Session, generation: int) -> None:
    """Do nothing when `generation` is the holder's.

    Raises:
        SessionTaken: It is not.
    """
    if session.generation != generation:
        raise SessionTaken(session.id)


def encoded(subscriptions: Subscriptions) -> bytes:
    """Return subscriptions as they are kept: JSON.

    Raises:
        LimitReached: They are larger than `MAX_SUBSCRIPTIONS_BYTES`.
    """
    written = msgspec.json.encode(dict(subscriptions))
    if len(written) > MAX_SUBSCRIPTIONS_BYTES:
        raise LimitReached(
            "subscriptions of a session",
            value=MAX_SUBSCRIPTIONS_BYTES // 1024,
            asked=math.ceil(len(written) / 1024),
            unit="KiB",
        )
    return written


def decoded(written: bytes | str) -> dict[str, Subscription]:
    """Return the subscriptions that `encoded` was given.

    Raises:
        ValueError: It is something else.
    """
    return msgspec.json.decode(written, type=dict[str, Subscription])

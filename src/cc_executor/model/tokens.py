"""Tokens: who shows one is a principal. Only digests are known here, never a token."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

import msgspec

from cc_executor.model.principals import Principal, Scope

#: The principal of the user whose state directory it is.
OWNER: Final = "owner"


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was given to somebody.

    Attributes:
        id: Public name of the token, for `revoke`.
        name: The principal.
        scopes: What it may.
        sha256: Digest of the token, hexadecimal.
        created_at: Seconds since the epoch, UTC.
        expires_at: From then on it is refused; None: never.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    sha256: str
    created_at: float
    expires_at: float | None = None

    def is_valid(self, *, now_s: float) -> bool:
        """Tell whether its time has not come yet."""
        return self.expires_at is None or now_s < self.expires_at


def digest(token: str) -> str:
    """Return what is kept of a token. It has 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """The tokens that are valid, as they were when they were read."""

    def __init__(self, records: Iterable[TokenRecord]) -> None:
        self._records = tuple(records)
        self._by_id = {record.sha256: record for record in self._records}

    def identify(self, token: str, *, now_s: float) -> Principal | None:
        """Return whose token it is, None if nobody's. Every record is compared, in constant time."""
        shown = digest(token)
        found = None
        for record in self._records:
            if hmac.compare_digest(record.sha256, shown):
                found = record
        if found is None or not found.is_valid(now_s=now_s):
            return None
        return Principal(name=found.name, scopes=frozenset(found.scopes), token_id=found.sha256)

    def still_admits(self, principal: Principal, *, now_s: float) -> bool:
        """Tell whether what let the principal in is still valid, and allows the same."""
        if principal.token_id is None:
            return True
        record = self._by_id.get(principal.token_id)
        return (
            record is not None
            and record.is_valid(now_s=now_s)
            and frozenset(record.scopes) == principal.scopes
        )

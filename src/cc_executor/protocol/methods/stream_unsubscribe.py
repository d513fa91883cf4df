"""End a stream. What is on its way may still arrive; nothing comes after `stream.ended`."""

from __future__ import annotations

from typing import Final

import msgspec

from cc_executor.model.events import Cursor
from cc_executor.model.principals import Scope

NAME: Final = "stream.unsubscribe"
SCOPE: Final = Scope.READ


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which one.

    Attributes:
        subscription: Which stream.
    """

    subscription: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """It has ended.

    Attributes:
        cursor: How far it was sent: a new subscription `after` this misses nothing.
    """

    cursor: Cursor

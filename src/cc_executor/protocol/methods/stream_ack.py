"""Note how far the reader has come: where `session.resume` goes on, on any server."""

from __future__ import annotations

from typing import Final

import msgspec

from cc_executor.model.events import Cursor
from cc_executor.model.principals import Scope

NAME: Final = "stream.ack"
SCOPE: Final = Scope.READ


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far.

    Attributes:
        subscription: Which stream.
        cursor: Everything before it has been dealt with.
    """

    subscription: str
    cursor: Cursor


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """It has been noted.

    Attributes:
        cursor: What is noted now.
    """

    cursor: Cursor

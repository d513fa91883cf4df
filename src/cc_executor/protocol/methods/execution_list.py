"""List executions, the newest first: the caller's own, with the scope `admin` everybody's."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from cc_executor.model.lifecycle import TaskState
from cc_executor.model.principals import Scope
from cc_executor.protocol.views import ListedView

NAME: Final = "execution.list"
SCOPE: Final = Scope.READ


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which ones.

    Attributes:
        states: Only those in one of these states; default: all.
        before: Only those older than this execution: the `next` of the page before.
        limit: At most this many.
        records: Add `record` to each: everything that is remembered.
    """

    states: tuple[TaskState, ...] | None = None
    before: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100
    records: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A page.

    Attributes:
        next: `before` of the next page; null when this page was not full.
    """

    executions: list[ListedView]
    next: str | None

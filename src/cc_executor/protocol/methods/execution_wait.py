"""Tell how an execution stands once it has ended, or when the time is up.

It is answered in a bounded time, so that nobody takes silence for work: whoever wants to wait for
longer asks again.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from cc_executor.model.principals import Scope
from cc_executor.protocol.views import ExecutionView

NAME: Final = "execution.wait"
SCOPE: Final = Scope.READ

#: Longest wait of one call, in seconds.
MAX_WAIT_S: Final = 60.0

Result = ExecutionView


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which one, and for how long.

    Attributes:
        execution_id: Its id; with the scope `admin` a unique prefix will do.
        within_s: Seconds to wait at most.
        records: Add `record` to the result: everything that is remembered.
    """

    execution_id: str
    within_s: Annotated[float, msgspec.Meta(ge=0.0, le=MAX_WAIT_S)] = 30.0
    records: bool = False

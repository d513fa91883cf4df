"""Cancel an execution; answered when no process of it is left."""

from __future__ import annotations

from typing import Final

import msgspec

from cc_executor.model.principals import Scope
from cc_executor.protocol.views import ExecutionView

NAME: Final = "execution.cancel"
SCOPE: Final = Scope.CONTROL

Result = ExecutionView


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which one.

    Attributes:
        execution_id: Its id; with the scope `admin` a unique prefix will do.
        now: Kill at once instead of asking the agent to end first.
        records: Add `record` to the result: everything that is remembered.
    """

    execution_id: str
    now: bool = False
    records: bool = False

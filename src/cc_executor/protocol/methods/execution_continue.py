"""Start a new execution of what an ended one has left undone."""

from __future__ import annotations

from typing import Final

import msgspec

from cc_executor.model.principals import Scope
from cc_executor.protocol.views import ExecutionView

NAME: Final = "execution.continue"
SCOPE: Final = Scope.RUN

Result = ExecutionView


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which one.

    Attributes:
        execution_id: Its id; with the scope `admin` a unique prefix will do.
        records: Add `record` to the result: everything that is remembered.
    """

    execution_id: str
    records: bool = False

"""Freeze whatever an execution runs, and the clocks that should stop."""

from __future__ import annotations

from typing import Final

import msgspec

from cc_executor.model.principals import Scope
from cc_executor.protocol.views import ExecutionView

NAME: Final = "execution.pause"
SCOPE: Final = Scope.CONTROL

Result = ExecutionView


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which one.

    Attributes:
        execution_id: Its id; with the scope `admin` a unique prefix will do.
        records: Add `record` to the result: everything that is remembered.
    """

    execution_id: str
    records: bool = False

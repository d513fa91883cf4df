"""Freeze a task, and the clocks that should stop."""

from __future__ import annotations

from typing import Final

import msgspec

from cc_executor.model.principals import Scope
from cc_executor.protocol.views import TaskView

NAME: Final = "task.pause"
SCOPE: Final = Scope.CONTROL

Result = TaskView


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which one.

    Attributes:
        task_id: `EXECUTION.NUMBER` or `EXECUTION.NAME`.
    """

    task_id: str

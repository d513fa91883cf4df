"""Cancel a task; answered when no process of it is left."""

from __future__ import annotations

from typing import Final

import msgspec

from cc_executor.model.principals import Scope
from cc_executor.protocol.views import TaskView

NAME: Final = "task.cancel"
SCOPE: Final = Scope.CONTROL

Result = TaskView


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which one.

    Attributes:
        task_id: `EXECUTION.NUMBER` or `EXECUTION.NAME`.
        now: Kill at once instead of asking the agent to end first.
    """

    task_id: str
    now: bool = False

"""Tell how far each task of an execution is: turns, cost, the tool that is open, what it waits for.

`stream.subscribe` with `progress` tells it again whenever it changes.
"""

from __future__ import annotations

from typing import Final

import msgspec

from cc_executor.model.principals import Scope
from cc_executor.protocol.views import ProgressView

NAME: Final = "execution.progress"
SCOPE: Final = Scope.READ

Result = ProgressView


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which one.

    Attributes:
        execution_id: Its id; with the scope `admin` a unique prefix will do.
    """

    execution_id: str

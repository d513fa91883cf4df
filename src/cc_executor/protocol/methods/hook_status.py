"""Tell which hooks are configured and what they did. This version runs none."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cc_executor.model.principals import Scope

NAME: Final = "hook_status"
SCOPE: Final = Scope.READ


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Which hooks there are.

    Attributes:
        enabled: Whether any can run.
    """

    enabled: bool = False
    hooks_configured: list[str] = []
    recent_executions: list[dict[str, Any]] = []
    statistics: dict[str, int] = {}

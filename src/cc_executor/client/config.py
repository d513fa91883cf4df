"""How calls of `cc_execute` run, when the call itself does not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from cc_executor.model.specs import PermissionMode


class CCExecutorConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defaults of a call; frozen, shared freely, never changed by a call.

    Attributes:
        timeout: Seconds; None means "forecast it".
        agent: Which agent works.
        workspace: Where; None is the current directory.
        model: Model in the agent's own words.
        permission_mode: What the agent may do without asking.
        allowed_tools: Tools that need no permission.
        disallowed_tools: Tools that are taken away.
        max_turns: Most model turns.
        retries: How often a failed attempt is repeated where that can help.
        env: More environment variables for the agent.
        home: State directory; None: from settings.
        settings: More settings, as `--flag` would set them: `{"max_timeout_s": "600"}`.
    """

    timeout: float | None = None
    agent: str = "claude"
    workspace: str | None = None
    model: str | None = None
    permission_mode: PermissionMode | None = None
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    max_turns: int | None = None
    retries: int = 0
    env: dict[str, str] = {}
    home: str | Path | None = None
    settings: dict[str, str] = {}

    def task_defaults(self) -> dict[str, Any]:
        """Return the fields that a task takes over unless it sets them itself."""
        fields: dict[str, Any] = {
            "agent": self.agent,
            "retries": self.retries,
            "timeout": "auto" if self.timeout is None else self.timeout,
        }
        for name in ("model", "permission_mode", "max_turns"):
            if (value := getattr(self, name)) is not None:
                fields[name] = value
        for name in ("allowed_tools", "disallowed_tools", "env"):
            if value := getattr(self, name):
                fields[name] = value
        return fields

    def flags(self) -> dict[str, str]:
        """Return the settings that this configuration overrides."""
        home = {} if self.home is None else {"home": str(self.home)}
        return {**self.settings, **home}

"""What a caller asks for, as the value that a task list is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cc_executor.client.config import CCExecutorConfig

#: A prompt, prompts or task mappings, or a mapping as in a task file.
Asked = Sequence[Any] | dict[str, Any] | str


def list_value(
    asked: Asked, config: CCExecutorConfig, *, stop_on_failure: bool | None
) -> dict[str, Any]:
    """Return a mapping as in a task file, with what the configuration adds.

    Args:
        asked: What is to be done.
        config: Defaults for what it leaves out.
        stop_on_failure: Whether a failure skips what is left; None: as the list says.
    """
    value: dict[str, Any] = (
        dict(asked)
        if isinstance(asked, dict)
        else {"tasks": [asked] if isinstance(asked, str) else list(asked)}
    )
    value["defaults"] = {**config.task_defaults(), **value.get("defaults", {})}
    if "agent" in value:
        value["defaults"]["agent"] = value.pop("agent")
    if stop_on_failure is not None:
        value["stop_on_failure"] = stop_on_failure
    return value

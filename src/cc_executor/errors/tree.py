"""The root of the tree."""

from __future__ import annotations

from typing import ClassVar


class CCExecutorError(Exception):
    """Root of the tree: catch it to catch every refusal of this package."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    hint: str = "See `cc-executor doctor` for what this machine can do."

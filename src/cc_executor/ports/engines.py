"""Engines in processes of their own, as the engine asks for them."""

from __future__ import annotations

from typing import Protocol


class Engines(Protocol):
    """Starts engines that outlive whoever started them."""

    async def start(self, execution_id: str) -> int:
        """Have the execution adopted by an engine of its own; return that one's process id.

        Returns when it has adopted it, or has found that another one did.

        Raises:
            SpawnFailed: It could not be started; the next engine will take the execution up.
        """
        ...

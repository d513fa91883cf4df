"""Noticing within a second that a token was made, replaced or taken back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from cc_executor.errors import TokenFileRefused
from cc_executor.model.tokens import Tokens
from cc_executor.store.tokens import TokenFiles

_log = logging.getLogger(__name__)
_LOOK_S: Final = 0.5


class TokenWatch:
    """The tokens that are valid now.

    Files that cannot be trusted any more let nobody in until they can be again: failing closed.
    """

    def __init__(self, files: TokenFiles) -> None:
        self._files = files
        self._stamp: object = None
        self.valid = Tokens(())

    async def load(self) -> None:
        """Read the files.

        Raises:
            TokenFileRefused: They cannot be trusted.
        """
        # Before: what changes while they are read is read again.
        self._stamp = await asyncio.to_thread(self._files.stamp)
        self.valid = await asyncio.to_thread(self._files.load)

    async def watch(self, on_look: Callable[[], object]) -> None:
        """Look again and again until cancelled; `on_look` is called each time: tokens also expire."""
        while True:
            await asyncio.sleep(_LOOK_S)
            stamp = await asyncio.to_thread(self._files.stamp)
            if stamp != self._stamp:
                try:
                    await self.load()
                    _log.info("tokens read again")
                except (TokenFileRefused, OSError) as refusal:
                    self._stamp = stamp
                    self.valid = Tokens(())
                    _log.error("no token is valid", extra={"problem": str(refusal)})
            on_look()

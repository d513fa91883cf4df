"""Supervised child processes, as the engine asks for them."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from cc_executor.model.launch import Launch
from cc_executor.model.outcomes import Executed


class StopReason(StrEnum):
    """Why the engine asks a supervisor to stop its tree; becomes `Executed.ended_by`."""

    CANCEL = "cancel"
    BUDGET = "budget"  # it has used more than it may
    ORPHANED = "orphaned"  # whoever owned it is dead and nobody will carry on


class Supervised(Protocol):
    """One running attempt, as seen by its engine."""

    @property
    def pid(self) -> int:
        """Process id of the child."""
        ...

    @property
    def head(self) -> int:
        """Bytes of output captured so far."""
        ...

    async def changed(self, *, beyond: int) -> None:
        """Return when `head` exceeds `beyond` or the attempt has ended. Cancellable."""
        ...

    def judge(
        self,
        upto: int,
        *,
        progress: bool,
        hold: str | None,
        finished: bool,
        hold_s: float | None = None,
    ) -> None:
        """Tell the supervisor what the engine made of the output up to offset `upto`.

        Args:
            progress: The bytes judged since the last call contained progress.
            hold: Why silence is healthy now (an open tool, a retry, a limit), None if it is not. The
                same words again are the same excuse, which lasts no longer for it.
            finished: The agent has given its result and nothing runs in its background: the
                grace timer starts (or stops, when it is no longer so).
            hold_s: How long that excuse lasts at most, from now; None: until it is taken back. The
                supervisor sees to it, also when the engine is dead.
        """
        ...

    async def pause(self) -> None:
        """Freeze the whole tree and stop its clocks. Doing it again changes nothing.

        Raises:
            NotResponding: The supervisor did not confirm within 10 s.
        """
        ...

    async def resume(self) -> None:
        """Thaw the tree. Doing it again changes nothing.

        Raises:
            NotResponding: The supervisor did not confirm within 10 s.
        """
        ...

    async def stop(self, reason: StopReason, *, now: bool = False) -> None:
        """Ask for the stop ladder (`now`: its last rung at once); `wait` tells when it is done."""
        ...

    async def wait(self) -> Executed:
        """Return what the supervisor saw, once the whole tree is gone and that is on disk.

        A supervisor that was killed gives `EndedBy.LOST`, after its tree has been swept.
        """
        ...

    async def aclose(self) -> None:
        """Let go of the attempt without stopping it (its orphan grace starts to run)."""
        ...


class Supervision(Protocol):
    """Starts attempts, and finds again what an earlier engine has started."""

    async def start(self, launch: Launch, folder: Path) -> Supervised:
        """Write the attempt folder and start its supervisor and child.

        Returns when the child runs, or has already ended.

        Raises:
            SpawnFailed: No supervisor could be started; no child exists.
        """
        ...

    async def start_when(
        self, permitted: asyncio.Future[bool], launch: Launch, folder: Path
    ) -> Supervised | None:
        """Do the same as soon as that is permitted; what can be done before, is done meanwhile.

        Returns:
            None when it was not permitted: no child exists, nor ever will.

        Raises:
            SpawnFailed: It was permitted, and no supervisor could be started; no child exists.
            Exception: Whatever `permitted` raises; no child exists.
        """
        ...

    async def adopt(self, folder: Path) -> Supervised | Executed | None:
        """Take up an attempt of which the store says that it was to be started.

        Returns:
            The running attempt; or what was seen of its end (`EndedBy.LOST` when its supervisor
            died unseen: what was left of its tree is gone when this returns); or None when it was
            never started, in which case it is made sure that it never will be.
        """
        ...

    async def aclose(self) -> None:
        """Stop the spawner. Running attempts live on for their orphan grace."""
        ...

"""What every part of the suite asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from cc_executor.model.launch import Launch, StopRung, Timers
from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.ports.process import Supervised, Supervision
from cc_executor.testing.scripted_agent import Script

#: Returns what one more engine has. The suite closes it.
MakeSupervision = Callable[[], Supervision]

#: Kills, as `kill -9` does, whatever supervises the attempt in this folder.
KillSupervisor = Callable[[Path], None]

LIFELINE: Final = "lifeline"
READY: Final = "ready"
BOUND_S: Final = 30.0
#: How long a program that was asked to leave may stay.
PATIENCE_S: Final = 0.3

#: Says that it is there, and stays until it is stopped.
STAYS: Final = Script().lifeline(LIFELINE).touch(READY).line("up").hang()
#: The same, deaf to everything that can be ignored.
DEAF: Final = Script().ignore(("TERM", "INT", "HUP")).and_then(STAYS)
#: The same, with processes in other sessions, one of them nobody's child.
WITH_OTHERS: Final = (
    Script()
    .lifeline(LIFELINE)
    .child(Script().hang(), new_session=True)
    .child(Script().hang(), daemon=True)
    .touch(READY)
    .line("up")
    .hang()
)


class WithSupervision:
    """A part of the suite: has two engines' ends, and an attempt's folder to be."""

    @pytest.fixture
    async def supervision(self, make_supervision: MakeSupervision) -> AsyncIterator[Supervision]:
        supervision = make_supervision()
        yield supervision
        await supervision.aclose()

    @pytest.fixture
    async def other(self, make_supervision: MakeSupervision) -> AsyncIterator[Supervision]:
        """Another engine's."""
        other = make_supervision()
        yield other
        await other.aclose()

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "attempt"


def launch(script: Script | tuple[str, ...], folder: Path, **more: Any) -> Launch:
    """Return the launch of a script or a command, in the workspace of an attempt's folder."""
    workspace = workspace_of(folder)
    workspace.mkdir(exist_ok=True)
    more.setdefault("timers", Timers(orphan_grace_s=BOUND_S))
    more.setdefault(
        "ladder",
        (
            StopRung(action="terminate", grace_s=PATIENCE_S),
            StopRung(action="kill", grace_s=BOUND_S),
        ),
    )
    argv = script.argv(lifetime_s=2 * BOUND_S) if isinstance(script, Script) else script
    return Launch(
        attempt_id="execution.1.1",
        argv=tuple(argv),
        env={},
        cwd=str(workspace),
        **more,
    )


def workspace_of(folder: Path) -> Path:
    """Return where the attempt in this folder works."""
    return folder.with_name(f"{folder.name}-workspace")


async def started(
    supervision: Supervision, script: Script, folder: Path, **more: Any
) -> Supervised:
    """Start a script, and return when it has said something."""
    attempt = await supervision.start(launch(script, folder, **more), folder)
    async with asyncio.timeout(BOUND_S):
        await attempt.changed(beyond=0)
    return attempt


async def pass_time(supervision: Supervision, folder: Path, seconds: float) -> None:
    """Return when another attempt, which has so much time, has been stopped for it."""
    yardstick = folder.with_name(f"{folder.name}-yardstick-{time.monotonic_ns()}")
    timers = Timers(total_s=seconds, orphan_grace_s=BOUND_S)
    attempt = await supervision.start(launch(Script().hang(), yardstick, timers=timers), yardstick)
    assert (await end_of(attempt)).ended_by is EndedBy.TIMER


async def end_of(attempt: Supervised) -> Executed:
    """Return how an attempt ended, which it must within the bound."""
    async with asyncio.timeout(BOUND_S):
        return await attempt.wait()


async def until(condition: Callable[[], bool]) -> None:
    """Return as soon as the condition holds: files and dying processes do not ring."""
    gives_up_at = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < gives_up_at, "it never came to be"
        await asyncio.sleep(0.005)

"""A supervisor that has ended one attempt and has another: settling the first leaves the second."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cc_executor.journal import layout
from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.ports.process import StopReason
from cc_executor.process.attending import Attended
from cc_executor.process.supervision import ProcessSupervision
from tests.process.support import CLASSES, is_alive, launch

_TRIES = 50


def supervisor_of(folder: Path) -> int:
    pid: int = json.loads((folder / layout.LOCK).read_text())[0]
    return pid


async def with_one_supervisor(
    supervision: ProcessSupervision, tmp_path: Path, containment: str
) -> tuple[Path, Attended]:
    """Return an attempt that has ended, and one that runs under the same supervisor."""
    for number in range(_TRIES):
        first, second = tmp_path / f"{number}-first", tmp_path / f"{number}-second"
        for folder in (first, second):
            folder.parent.mkdir(exist_ok=True)
        short = launch(("/bin/true",), first, attempt_id="e.1.1", containment=containment)
        await (await supervision.start(short, first)).wait()
        long = launch(("/bin/sleep", "60"), second, attempt_id="e.1.2", containment=containment)
        running = await supervision.start(long, second)
        if supervisor_of(first) == supervisor_of(second):
            return first, running
        await running.stop(StopReason.CANCEL, now=True)
        await running.wait()
    raise AssertionError("no supervisor was used again")


@pytest.mark.parametrize("containment", CLASSES)
@pytest.mark.parametrize("has_outcome", [True, False])
async def test_settling_what_has_ended_leaves_what_runs_alone(
    supervision: ProcessSupervision,
    tmp_path: Path,
    containment: str,
    has_outcome: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    first, running = await with_one_supervisor(supervision, tmp_path, containment)
    if not has_outcome:  # as when it could not be written: the disk was full
        (first / layout.OUTCOME).unlink()
    next_one = ProcessSupervision()

    found = await next_one.adopt(first)

    assert isinstance(found, Executed)
    assert found.ended_by is (EndedBy.EXIT if has_outcome else EndedBy.LOST)
    assert is_alive(running.pid)
    await running.stop(StopReason.CANCEL, now=True)
    assert (await running.wait()).ended_by is EndedBy.CANCEL
    await next_one.aclose()

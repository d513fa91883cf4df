from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from cc_executor.process.nudges import SocketNudges
from cc_executor.testing.contracts.nudges import MakeNudges, NudgesContract, Sleeper

NUDGE = """
import sys
from pathlib import Path
from cc_executor.process.nudges import SocketNudges
SocketNudges(Path(sys.argv[1])).nudge(sys.argv[2])
"""


class TestSocketNudges(NudgesContract):
    @pytest.fixture
    def make_nudges(self, tmp_path: Path) -> MakeNudges:
        return lambda: SocketNudges(tmp_path / "engines")


class TestSocketNudgesFarDown(NudgesContract):
    """In a folder whose path is longer than the address of a socket may be."""

    @pytest.fixture
    def make_nudges(self, tmp_path: Path) -> MakeNudges:
        deep = tmp_path.joinpath(*["x" * 100] * 3)
        deep.mkdir(parents=True)
        return lambda: SocketNudges(deep / "engines")


async def test_another_process_can_nudge(tmp_path: Path) -> None:
    sleeper, nudges = Sleeper(), SocketNudges(tmp_path)
    nudges.listen("engine", sleeper.wake)

    command = (sys.executable, "-c", NUDGE, str(tmp_path), "engine")
    subprocess.run(command, check=True, timeout=30)  # noqa: ASYNC221 - nothing else runs on this loop

    await sleeper.is_woken()
    nudges.close()


async def test_a_listener_leaves_no_file_and_no_descriptor(tmp_path: Path) -> None:
    before = sorted(path.name for path in Path("/proc/self/fd").iterdir())
    for number in range(20):
        nudges = SocketNudges(tmp_path)
        nudges.listen(f"engine-{number}", lambda: None)
        assert (tmp_path / f"engine-{number}").is_socket()
        nudges.nudge("nobody")
        nudges.close()

    assert list(tmp_path.iterdir()) == []
    assert sorted(path.name for path in Path("/proc/self/fd").iterdir()) == before


async def test_the_socket_of_a_killed_engine_takes_no_nudge(tmp_path: Path) -> None:
    killed = SocketNudges(tmp_path)
    killed.listen("engine", lambda: None)
    socket, killed._socket = killed._socket, None  # it never came to close it
    assert socket is not None

    asyncio.get_running_loop().remove_reader(socket)
    socket.close()

    SocketNudges(tmp_path).nudge("engine")
    assert (tmp_path / "engine").is_socket()

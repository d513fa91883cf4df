from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from cc_executor.journal.home import StateDirectory
from cc_executor.journal.owners import OWNER, FolderOwners
from cc_executor.testing.contracts.owners import DieAsOwner, MakeOwners, OwnersContract

HOLD = """
import sys
from pathlib import Path
from cc_executor.journal.home import StateDirectory
from cc_executor.journal.owners import FolderOwners
lock = FolderOwners(StateDirectory(Path(sys.argv[1])), "other").acquire(sys.argv[2])
print("held" if lock else "refused", flush=True)
sys.stdin.read()
"""

HOLD_AND_FORK = """
import os, signal, sys
from pathlib import Path
from cc_executor.journal.home import StateDirectory
from cc_executor.journal.owners import FolderOwners
lock = FolderOwners(StateDirectory(Path(sys.argv[1])), "other").acquire("e")
if os.fork() == 0:
    print(os.getpid(), flush=True)
    os.close(1)
signal.pause()
"""


@pytest.fixture
def home(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path)


class TestFolderOwners(OwnersContract):
    @pytest.fixture
    def make_owners(self, home: StateDirectory) -> MakeOwners:
        return lambda engine_id: FolderOwners(home, engine_id)

    @pytest.fixture
    def die_as_owner(self, home: StateDirectory) -> DieAsOwner:
        def own_and_die(execution_id: str) -> None:
            command = [sys.executable, "-c", HOLD, str(home.path), execution_id]
            with subprocess.Popen(command, stdin=PIPE, stdout=PIPE) as other:
                assert other.stdout is not None
                assert other.stdout.readline() == b"held\n"
                assert FolderOwners(home, "one").acquire(execution_id) is None
                other.send_signal(signal.SIGKILL)
                other.wait(10)

        return own_and_die


def test_the_lock_says_who_holds_it(home: StateDirectory) -> None:
    lock = FolderOwners(home, "engine-7").acquire("e")

    assert (home.execution("e") / OWNER).read_text() == f"engine-7 {os.getpid()}\n"
    assert lock is not None
    lock.release()


def test_a_program_that_is_started_does_not_inherit_it(home: StateDirectory) -> None:
    lock = FolderOwners(home, "one").acquire("e")
    assert lock is not None
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        lock.release()

        assert not FolderOwners(home, "two").is_owned("e")
        child.kill()


def test_it_dies_with_its_process_though_a_fork_lives_on(home: StateDirectory) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_FORK, str(home.path)], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        fork = int(other.stdout.readline())
        assert FolderOwners(home, "one").is_owned("e")

        other.send_signal(signal.SIGKILL)
        other.wait(10)
        try:
            assert not FolderOwners(home, "one").is_owned("e")
        finally:
            os.kill(fork, signal.SIGKILL)

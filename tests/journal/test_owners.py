from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cc_executor.journal.home import StateDirectory
from cc_executor.journal.owners import OWNER, FolderOwners

HOLD = """
import sys
from pathlib import Path
from cc_executor.journal.home import StateDirectory
from cc_executor.journal.owners import FolderOwners
lock = FolderOwners(StateDirectory(Path(sys.argv[1])), "other").acquire("e")
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


def test_only_one_engine_owns_an_execution(home: StateDirectory) -> None:
    lock = FolderOwners(home, "one").acquire("e")

    assert lock is not None
    assert FolderOwners(home, "two").acquire("e") is None
    assert FolderOwners(home, "two").is_owned("e")


def test_a_released_execution_can_be_owned_by_another(home: StateDirectory) -> None:
    lock = FolderOwners(home, "one").acquire("e")
    assert lock is not None

    lock.release()
    lock.release()

    assert not FolderOwners(home, "two").is_owned("e")
    assert FolderOwners(home, "two").acquire("e") is not None


def test_an_unknown_execution_has_no_owner(home: StateDirectory) -> None:
    assert not FolderOwners(home, "one").is_owned("nothing")


def test_the_lock_says_who_holds_it(home: StateDirectory) -> None:
    lock = FolderOwners(home, "engine-7").acquire("e")

    assert (home.execution("e") / OWNER).read_text() == f"engine-7 {os.getpid()}\n"
    assert lock is not None
    lock.release()


def test_ownership_dies_with_its_process(home: StateDirectory) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert FolderOwners(home, "one").acquire("e") is None

        other.send_signal(signal.SIGKILL)
        other.wait(10)

    assert FolderOwners(home, "one").acquire("e") is not None


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


def test_asking_for_the_owner_never_makes_an_owner_fail(home: StateDirectory) -> None:
    owners = FolderOwners(home, "one")
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            owners.is_owned("e")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(200):
            lock = owners.acquire("e")
            assert lock is not None
            lock.release()
    finally:
        stop.set()
        asking.join()

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cc_executor.testing import lifeline
from cc_executor.testing.hostile import HOSTILE, LIFELINE, READY

BOUND_S = 10.0
LIFETIME_S = 5.0


def kill_all(path: Path) -> None:
    """Kill the holders of a lifeline; who dodges that is ended by its lifetime."""
    gives_up_at = time.monotonic() + BOUND_S
    while lifeline.is_held(path) and time.monotonic() < gives_up_at:
        for pid in lifeline.holders(path):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    lifeline.wait_until_free(path)


@contextlib.contextmanager
def at_its_worst(name: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    agent = subprocess.Popen(
        HOSTILE[name].argv(lifetime_s=LIFETIME_S),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={"MARK": "er"},
    )
    try:
        gives_up_at = time.monotonic() + BOUND_S
        while not (folder / READY).exists():
            assert time.monotonic() < gives_up_at
            time.sleep(0.002)
        yield agent
    finally:
        kill_all(folder / LIFELINE)
        agent.communicate(timeout=BOUND_S)


def test_there_are_eight_of_them() -> None:
    assert len(HOSTILE) == 8


@pytest.mark.parametrize(
    "name", [name for name in HOSTILE if name not in {"closes_stdout", "hangs_after_result"}]
)
def test_ending_the_process_group_politely_does_not_end_it(name: str, tmp_path: Path) -> None:
    with at_its_worst(name, tmp_path) as agent:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(agent.pid, signal.SIGTERM)
        if name != "ignores_signals":
            agent.wait(timeout=BOUND_S)

        assert lifeline.is_held(tmp_path / LIFELINE)


@pytest.mark.parametrize(
    "name", ["child_in_own_session", "daemon", "fork_dodger", "daemon_without_environment"]
)
def test_killing_the_process_group_does_not_end_it(name: str, tmp_path: Path) -> None:
    with at_its_worst(name, tmp_path) as agent:
        os.killpg(agent.pid, signal.SIGKILL)
        agent.wait(timeout=BOUND_S)

        assert lifeline.is_held(tmp_path / LIFELINE)


def test_only_the_one_without_environment_hides_from_its_marker(tmp_path: Path) -> None:
    found = {}
    for name in ("daemon", "daemon_without_environment"):
        folder = tmp_path / name
        folder.mkdir()
        with at_its_worst(name, folder) as agent:
            (daemon,) = set(lifeline.holders(folder / LIFELINE)) - {agent.pid}
            found[name] = Path(f"/proc/{daemon}/environ").read_bytes()

    assert found == {"daemon": b"MARK=er\0", "daemon_without_environment": b""}


def test_the_stdout_holder_ends_and_its_stdout_does_not(tmp_path: Path) -> None:
    with at_its_worst("stdout_holder", tmp_path) as agent:
        assert agent.wait(timeout=BOUND_S) == 0
        assert agent.stdout is not None
        os.set_blocking(agent.stdout.fileno(), False)

        with pytest.raises(BlockingIOError):
            os.read(agent.stdout.fileno(), 1)


def test_the_one_that_closes_stdout_lives_on(tmp_path: Path) -> None:
    with at_its_worst("closes_stdout", tmp_path) as agent:
        assert agent.stdout is not None

        assert agent.stdout.read() == b""
        assert agent.poll() is None


def test_the_one_that_hangs_has_given_its_result(tmp_path: Path) -> None:
    with at_its_worst("hangs_after_result", tmp_path) as agent:
        assert agent.stdout is not None
        last = [agent.stdout.readline() for _ in range(3)][-1]

        assert b'"type":"result"' in last
        assert agent.poll() is None


def test_a_lifeline_that_is_still_held_names_its_holders(tmp_path: Path) -> None:
    with (
        at_its_worst("ignores_signals", tmp_path) as agent,
        pytest.raises(lifeline.StillHeld, match=str(agent.pid)) as caught,
    ):
        lifeline.wait_until_free(tmp_path / LIFELINE, within_s=0.01)

    assert caught.value.holders == (agent.pid,)
    assert not lifeline.is_held(tmp_path / LIFELINE)


def test_a_lifeline_that_nobody_made_is_an_error_and_not_free(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lifeline.wait_until_free(tmp_path / "none")

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cc_executor.testing import lifeline
from cc_executor.testing.scripted_agent import Script

BOUND_S = 10.0
LIFETIME_S = 30.0


@contextlib.contextmanager
def playing(script: Script, folder: Path, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run `script` in `folder`; kill its process, and no other, at the end."""
    agent = subprocess.Popen(
        script.argv(lifetime_s=more.pop("lifetime_s", LIFETIME_S)),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **more,
    )
    try:
        yield agent
    finally:
        agent.kill()
        agent.communicate(timeout=BOUND_S)


def until(condition: Callable[[], bool]) -> None:
    gives_up_at = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < gives_up_at, "it never came to pass"
        time.sleep(0.002)


def pid_in(path: Path) -> int:
    until(path.exists)
    return int(path.read_text())


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def is_alive(pid: int) -> bool:
    try:
        return not status_of(pid)["State"].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_it_waits_for_a_file_and_answers_with_one(tmp_path: Path) -> None:
    with playing(Script().touch("here").wait_for_file("go").line("gone"), tmp_path) as agent:
        until((tmp_path / "here").exists)
        assert agent.poll() is None

        (tmp_path / "go").touch()

        out, _ = agent.communicate(timeout=BOUND_S)
    assert (agent.returncode, out) == (0, b"gone\n")


def test_it_gives_up_waiting_for_a_file_with_its_own_exit_code(tmp_path: Path) -> None:
    with playing(Script().wait_for_file("go", within_s=0.01), tmp_path) as agent:
        _, err = agent.communicate(timeout=BOUND_S)

    assert agent.returncode == 65
    assert b"no 'go' within" in err


def test_files_are_written_extended_deleted_and_made_in_numbers(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    script = (
        Script()
        .write_file("deep/er/new", "one\n")
        .write_file("deep/er/new", "two\n", append=True)
        .write_file("bytes", base64="AP8=")
        .delete_file("old")
        .make_files(3, folder="many", size_bytes=5)
    )

    with playing(script, tmp_path) as agent:
        agent.communicate(timeout=BOUND_S)

    assert agent.returncode == 0
    assert (tmp_path / "deep/er/new").read_text() == "one\ntwo\n"
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"
    assert not (tmp_path / "old").exists()
    assert sorted(f.stat().st_size for f in (tmp_path / "many").iterdir()) == [5, 5, 5]


def test_the_first_attempt_can_differ_from_the_second(tmp_path: Path) -> None:
    script = Script().first_time("tried", Script().line("first").exit(1)).line("second")
    results = []

    for _ in range(2):
        with playing(script, tmp_path) as agent:
            out, _ = agent.communicate(timeout=BOUND_S)
        results.append((agent.returncode, out))

    assert results == [(1, b"first\n"), (0, b"second\n")]


@pytest.mark.parametrize("name", ["TERM", "SEGV", "KILL", "ABRT"])
def test_it_dies_by_the_signal_it_is_told(tmp_path: Path, name: str) -> None:
    with playing(Script().ignore(["TERM"]).line("last words").die(name), tmp_path) as agent:
        out, _ = agent.communicate(timeout=BOUND_S)

    assert (agent.returncode, out) == (-signal.Signals[f"SIG{name}"], b"last words\n")


def test_it_ignores_the_signals_it_is_told_and_no_others(tmp_path: Path) -> None:
    with playing(Script().ignore(["TERM", "SIGHUP"]).touch("deaf").hang(), tmp_path) as agent:
        until((tmp_path / "deaf").exists)
        for signum in (signal.SIGTERM, signal.SIGHUP):
            agent.send_signal(signum)
        assert {"SigIgn"} <= status_of(agent.pid).keys()
        assert agent.poll() is None

        agent.send_signal(signal.SIGINT)

        agent.wait(timeout=BOUND_S)
    assert agent.returncode == 70, "Python raised KeyboardInterrupt"


def test_it_answers_a_signal_with_a_script(tmp_path: Path) -> None:
    script = Script().on_signal("TERM", Script().line("bye").exit(143)).touch("ready").hang()
    with playing(script, tmp_path) as agent:
        until((tmp_path / "ready").exists)

        agent.terminate()

        out, _ = agent.communicate(timeout=BOUND_S)
    assert (agent.returncode, out) == (143, b"bye\n")


def test_the_kernel_ends_it_when_its_lifetime_is_over(tmp_path: Path) -> None:
    script = Script().ignore().child(Script().lifeline().hang(), new_session=True).hang()
    with playing(script, tmp_path, lifetime_s=0.3) as agent:
        agent.wait(timeout=BOUND_S)

    assert agent.returncode == -signal.SIGALRM
    lifeline.wait_until_free(tmp_path / "lifeline")


def test_the_lifetime_may_come_from_the_environment() -> None:
    done = subprocess.run(
        Script().hang().argv(),
        env={"SCRIPTED_AGENT_LIFETIME_S": "0.2"},
        timeout=BOUND_S,
        check=False,
    )

    assert done.returncode == -signal.SIGALRM


def test_closing_its_streams_ends_the_readers_and_not_the_process(tmp_path: Path) -> None:
    with playing(Script().line("last").close().hang(), tmp_path) as agent:
        assert agent.stdout is not None
        assert agent.stderr is not None

        assert agent.stdout.read() == b"last\n"
        assert agent.stderr.read() == b""
        assert agent.poll() is None


def test_a_child_in_its_own_session_leaves_the_group(tmp_path: Path) -> None:
    script = (
        Script()
        .child(Script().hang(), new_session=True, ignoring=["TERM"], pid_file="own")
        .child(Script().hang(), pid_file="same")
        .touch("ready")
        .hang()
    )
    with playing(script, tmp_path) as agent:
        until((tmp_path / "ready").exists)
        own, same = pid_in(tmp_path / "own"), pid_in(tmp_path / "same")

        assert (os.getsid(own), os.getpgid(own)) == (own, own)
        assert (os.getsid(same), os.getpgid(same)) == (agent.pid, agent.pid)
        assert int(status_of(own)["SigIgn"], 16) & 1 << signal.SIGTERM - 1
        assert not int(status_of(same)["SigIgn"], 16) & 1 << signal.SIGTERM - 1
        for pid in (own, same):
            os.kill(pid, signal.SIGKILL)


def test_a_daemon_has_lost_its_parent_and_outlives_the_agent(tmp_path: Path) -> None:
    script = Script().child(Script().hang(), daemon=True, pid_file="daemon").exit(0)
    with playing(script, tmp_path) as agent:
        agent.communicate(timeout=BOUND_S)
        daemon = pid_in(tmp_path / "daemon")

        assert is_alive(daemon)
        assert int(status_of(daemon)["PPid"]) != agent.pid
        assert os.getsid(daemon) not in {daemon, agent.pid}
        os.kill(daemon, signal.SIGKILL)


def test_children_inherit_the_environment_unless_it_is_cleared(tmp_path: Path) -> None:
    script = (
        Script()
        .child(Script().hang(), pid_file="marked")
        .child(Script().hang(), clear_env=True, daemon=True, pid_file="hidden")
        .touch("ready")
        .hang()
    )
    with playing(script, tmp_path, env={"MARK": "er"}):
        until((tmp_path / "ready").exists)
        marked, hidden = (pid_in(tmp_path / name) for name in ("marked", "hidden"))

        assert Path(f"/proc/{marked}/environ").read_bytes() == b"MARK=er\0"
        assert Path(f"/proc/{hidden}/environ").read_bytes() == b""
        for pid in (marked, hidden):
            os.kill(pid, signal.SIGKILL)


def test_a_child_holds_stdout_open_only_when_it_is_told_to(tmp_path: Path) -> None:
    holder = Script().wait_for_file("release").line("from the child")
    with playing(Script().child(holder, stdio="inherit").exit(0), tmp_path) as agent:
        agent.wait(timeout=BOUND_S)
        (tmp_path / "release").touch()
        out, _ = agent.communicate(timeout=BOUND_S)
    assert out == b"from the child\n"

    lets_go = Script().child(Script().hang(), pid_file="quiet").exit(0)
    with playing(lets_go, tmp_path) as agent:
        out, _ = agent.communicate(timeout=BOUND_S)
        quiet = pid_in(tmp_path / "quiet")
        assert (out, is_alive(quiet)) == (b"", True)
        os.kill(quiet, signal.SIGKILL)


def test_a_fork_dodger_never_keeps_its_process_id(tmp_path: Path) -> None:
    script = (
        Script()
        .child(Script().lifeline().dodge(interval_ms=5, lifetime_s=4.0), new_session=True)
        .touch("ready")
        .hang()
    )
    with playing(script, tmp_path) as agent:
        until((tmp_path / "ready").exists)
        until((tmp_path / "lifeline").exists)  # the child's own business
        seen: set[int] = set()

        def dodged() -> bool:
            seen.update(lifeline.holders(tmp_path / "lifeline"))
            return len(seen - {agent.pid}) >= 3

        until(dodged)
        lifeline.wait_until_free(tmp_path / "lifeline")


def test_a_fork_dodger_ends_after_its_last_generation(tmp_path: Path) -> None:
    script = Script().lifeline().dodge(interval_ms=1, max_generations=5)
    with playing(script, tmp_path) as agent:
        agent.wait(timeout=BOUND_S)
        lifeline.wait_until_free(tmp_path / "lifeline")


def test_memory_is_really_taken(tmp_path: Path) -> None:
    with playing(Script().memory(64).touch("full").hang(), tmp_path) as agent:
        until((tmp_path / "full").exists)

        resident_kib = int(status_of(agent.pid)["VmRSS"].split()[0])

    assert resident_kib > 64 << 10


def test_spinning_uses_processor_time_and_delaying_does_not(tmp_path: Path) -> None:
    used = []
    for script in (Script().spin(200), Script().delay(200)):
        with playing(script, tmp_path) as agent:
            _, _, usage = os.wait4(agent.pid, 0)
            agent.returncode = 0
        used.append(usage.ru_utime + usage.ru_stime)

    assert used[0] > used[1]


def test_stdin_is_copied_until_it_ends(tmp_path: Path) -> None:
    with playing(Script().read_line().cat().line("end"), tmp_path) as agent:
        out, _ = agent.communicate(b"first\nrest\0\n", timeout=BOUND_S)

    assert out == b"got: first\nrest\0\nend\n"


def test_a_report_tells_what_the_process_was_really_given(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    with playing(
        Script().ignore(["USR1"]).report(),
        tmp_path,
        env={"B": "2", "A": "1"},
        pass_fds=(read_end,),
        umask=0o027,
    ) as agent:
        out, err = agent.communicate(b"prompt\0", timeout=BOUND_S)
        pid = agent.pid
    os.close(read_end)
    os.close(write_end)

    told = json.loads(out)
    assert err == b""
    assert told["stdin_bytes"] == 7
    assert told["stdin_sha256"] == (
        "08a9af933c6f30777b1507574708c4f103f947ae00f13b76ba0e46a5c4823c3b"
    )
    assert list(told["env"].items()) == [("A", "1"), ("B", "2")]
    assert set(told["open_fds"]) == {"0", "1", "2", str(read_end)}
    assert told["open_fds"]["0"].startswith("pipe:")
    assert told["cwd"] == str(tmp_path)
    assert (told["pid"], told["pgid"], told["sid"], told["ppid"]) == (pid, pid, pid, os.getpid())
    assert told["umask"] == 0o027
    assert told["rlimits"]["RLIMIT_CORE"]
    assert (told["blocked_signals"], told["ignored_signals"]) == ([], ["SIGUSR1"])
    assert told["argv"][-2] == "--inline"

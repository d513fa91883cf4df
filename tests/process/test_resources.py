from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from cc_executor.ports.resources import Pressure, ResourceSample
from cc_executor.process import cgroup, resources
from cc_executor.process.machine import Machine
from cc_executor.process.resources import SystemResources

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024

MEMINFO = """\
MemTotal:       24684096 kB
MemFree:          100000 kB
MemAvailable:   20000000 kB
SwapTotal:       1000000 kB
SwapFree:         250000 kB
HugePages_Total:       0
"""


class FakeMachine:
    """A `/proc` and control groups in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.groups: dict[str, str] = {}
        self.machine = Machine(str(folder), proc=str(folder / "proc"), group=self.groups.get)

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def look(self) -> ResourceSample:
        return self.machine.look(7.0)


@pytest.fixture
def fake(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


# --- one look --------------------------------------------------------------------------------


def test_what_cannot_be_found_out_is_unknown_and_not_zero(tmp_path: Path) -> None:
    nothing = str(tmp_path / "nothing")
    sample = Machine(nothing, proc=nothing, group=lambda _kind: None).look(7.0)
    assert sample == ResourceSample(at=7.0, cores=sample.cores, load=sample.load)
    assert sample.cores >= 1


def test_memory_and_swap_are_read_in_bytes(fake: FakeMachine) -> None:
    fake.write("proc/meminfo", MEMINFO)
    sample = fake.look()
    assert sample.memory_total_bytes == 24684096 * 1024
    assert sample.memory_available_bytes == 20000000 * 1024
    assert sample.swap_used_bytes == 750000 * 1024


def test_the_tightest_limit_of_all_groups_around_counts(fake: FakeMachine) -> None:
    fake.write("proc/meminfo", MEMINFO)
    fake.write("v2/cgroup.procs", "")
    fake.write("v2/memory.max", "max\n")
    fake.write("v2/pod/uncounted/cgroup.procs", "")
    for group, limit_mb, used_mb in (("v2/pod", 900, 600), ("v2/pod/uncounted/own", 1_000, 100)):
        fake.write(f"{group}/cgroup.procs", "")
        fake.write(f"{group}/memory.max", f"{limit_mb * MIB}\n")
        fake.write(f"{group}/memory.current", f"{used_mb * MIB}\n")
        fake.write(f"{group}/memory.stat", f"anon 5\ninactive_file {50 * MIB}\n")
    fake.groups[cgroup.CGROUP] = str(fake.folder / "v2/pod/uncounted/own")
    sample = fake.look()
    assert sample.memory_total_bytes == 900 * MIB
    assert sample.memory_available_bytes == 350 * MIB  # what files hold can be had


def test_limits_of_version_1_count_as_well(fake: FakeMachine) -> None:
    fake.write("proc/meminfo", MEMINFO)
    for group, limit in (("v1", 2**63 - 4096), ("v1/own", 300 * MIB)):
        fake.write(f"{group}/cgroup.procs", "")
        fake.write(f"{group}/memory.limit_in_bytes", f"{limit}\n")
        fake.write(f"{group}/memory.usage_in_bytes", f"{400 * MIB}\n")
        fake.write(f"{group}/memory.stat", "total_inactive_file 0\n")
    fake.groups["memory"] = str(fake.folder / "v1/own")
    sample = fake.look()
    assert sample.memory_total_bytes == 300 * MIB
    assert sample.memory_available_bytes == 0  # over its limit, not below nothing


def test_a_group_that_does_not_tell_its_use_says_nothing_about_what_is_left(
    fake: FakeMachine,
) -> None:
    fake.write("proc/meminfo", MEMINFO)
    fake.write("v2/own/cgroup.procs", "")
    fake.write("v2/own/memory.max", f"{300 * MIB}\n")
    fake.groups[cgroup.CGROUP] = str(fake.folder / "v2/own")
    sample = fake.look()
    assert sample.memory_total_bytes == 300 * MIB
    assert sample.memory_available_bytes == 20000000 * 1024


@pytest.mark.parametrize(
    ("later", "percent"),
    [
        ("cpu  150 0 50 700 100 0 0 0 9 9", 50.0),
        ("cpu  100 0 0 900 100 0 0 0 0 0", 0.0),
        ("cpu  300 0 0 700 0 0 0 0 0 0", 100.0),
        ("cpu  100 0 0 700 0 0 0 0 0 0", None),  # no time has passed
        ("cpu  1 0 0 1 0 0 0 0 0 0", None),  # counted anew
        ("cpu  a b", None),
        ("", None),
    ],
)
def test_how_busy_the_processors_were_is_known_from_the_second_look_on(
    fake: FakeMachine, later: str, percent: float | None
) -> None:
    fake.write("proc/stat", "cpu  100 0 0 700 0 0 0 0 0 0\ncpu0 1 2 3\n")
    assert fake.look().cpu_percent is None
    fake.write("proc/stat", f"{later}\ncpu0 1 2 3\n")
    assert fake.look().cpu_percent == (percent if percent is None else pytest.approx(percent))


def test_pressure_is_told_for_what_the_kernel_tells(fake: FakeMachine) -> None:
    fake.write("proc/pressure/cpu", "some avg10=12.34 avg60=1.00 avg300=0.10 total=5\n")
    fake.write(
        "proc/pressure/memory",
        "some avg10=1.50 avg60=0 avg300=0 total=1\nfull avg10=0.25 avg60=0 avg300=0 total=1\n",
    )
    fake.write("proc/pressure/io", "nonsense\n")
    assert fake.look().pressure == {
        "cpu": Pressure(some=12.34),
        "memory": Pressure(some=1.5, full=0.25),
    }


def test_this_machine_tells_all_that_linux_tells(tmp_path: Path) -> None:
    machine = Machine(str(tmp_path))
    machine.look(1.0)
    sample = machine.look(2.0)
    assert sample.load is not None
    assert sample.memory_total_bytes is not None
    assert sample.memory_available_bytes is not None
    assert 0 < sample.memory_available_bytes <= sample.memory_total_bytes
    assert sample.disk_total_bytes is not None
    assert sample.disk_free_bytes is not None
    assert 0 < sample.disk_free_bytes <= sample.disk_total_bytes


# --- again and again -------------------------------------------------------------------------


class Looks:
    """Counts looks, and fails or hangs when it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.changed = threading.Condition()
        self.fails = False
        self.goes_on = threading.Event()
        self.goes_on.set()

    def __call__(self, now_s: float) -> ResourceSample:
        with self.changed:
            self.count += 1
            self.changed.notify_all()
        self.goes_on.wait(20)
        if self.fails:
            raise ValueError("it looks strange")
        return ResourceSample(at=now_s, cores=1, disk_free_bytes=self.count)

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.count >= count, 20)


def test_there_is_a_sample_at_once_and_newer_ones_follow(tmp_path: Path) -> None:
    looks = Looks()
    watching = SystemResources(tmp_path, every_s=0.001, look=looks)
    first = watching.latest()
    assert first.disk_free_bytes is not None
    looks.wait_for(5)  # the fourth is kept by then
    latest = watching.latest()
    assert latest.disk_free_bytes is not None
    assert latest.disk_free_bytes >= 4
    watching.close()
    watching.close()
    watching._thread.join(20)
    assert not watching._thread.is_alive()


def test_nobody_waits_for_a_look_that_hangs_and_old_samples_are_not_shown_for_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks()
    watching = SystemResources(tmp_path, every_s=0.001, look=looks)
    looks.wait_for(2)
    looks.goes_on.clear()
    looks.wait_for(looks.count + 1)
    assert watching.latest().disk_free_bytes is not None
    monkeypatch.setattr(resources, "_STALE_S", 0.0)
    assert watching.latest().disk_free_bytes is None
    assert watching.latest().cores >= 1
    monkeypatch.undo()
    looks.goes_on.set()
    watching.close()


def test_a_look_that_fails_is_logged_once_and_the_next_one_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    looks = Looks()
    watching = SystemResources(tmp_path, every_s=0.001, look=looks)
    looks.fails = True
    looks.wait_for(looks.count + 5)
    looks.fails = False
    at = looks.count
    looks.wait_for(at + 3)
    latest = watching.latest().disk_free_bytes
    assert latest is not None
    assert latest > at
    watching.close()
    assert [record.message for record in caplog.records] == ["looking at the machine failed"]


def test_r9_looking_starts_no_process(tmp_path: Path) -> None:
    program = """
import sys, time
from pathlib import Path

started = []
STARTING = ("subprocess.", "os.fork", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "pty.")
sys.addaudithook(lambda event, _: started.append(event) if event.startswith(STARTING) else None)

from cc_executor.process.resources import SystemResources

watching = SystemResources(Path(sys.argv[1]), every_s=0.001)
first = watching.latest()
while watching.latest().cpu_percent is None:
    time.sleep(0.001)
watching.close()
assert started == [], started
import subprocess
subprocess.run([sys.executable, "-c", ""])
assert started, "nobody would have noticed"
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_interpreter_that_forgets_to_close_ends_all_the_same(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from cc_executor.process.resources import SystemResources
SystemResources(Path(sys.argv[1]), every_s=0.001)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")

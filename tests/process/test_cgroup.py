"""Control groups: what the kernel does with them where there are any, and what we do anywhere.

A plain directory stands in for a group where only our own side is looked at.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cc_executor.process import cgroup, marks, report
from tests.process.support import is_alive

SLEEP = ("/bin/sleep", "60")
#: A hybrid layout: version 1 for most, version 2 for names only.
MOUNTS = (
    "25 20 0:23 / /proc rw - proc proc rw\n"
    "30 20 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw\n"
    "31 20 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "32 20 0:28 /docker/1 /mnt/with\\040space rw - cgroup cgroup rw,freezer\n"
)
MEMBERSHIP = "4:freezer:/docker/1/inner\n3:cpu,cpuacct:/\n0::/user.slice/me\n"


@pytest.fixture
def brand() -> int:
    return marks.new_brand()


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture(params=cgroup.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What /proc says on a machine that a test makes up."""
    files = {"/proc/self/mountinfo": "", "/proc/self/cgroup": ""}
    monkeypatch.setattr(cgroup, "_read", lambda path: files.get(path, "").encode())
    return files


def usable(kind: str) -> cgroup.Place | None:
    """Return where groups of this kind can really be made; the report says why where none can."""
    for place in cgroup.places():
        if place.kind == kind and not cgroup.gap(place):
            return place
    assert next(one for one in report.containment_report() if one.name == kind).gap
    return None


def test_the_report_names_every_class_and_why_it_cannot_be_used() -> None:
    classes = report.containment_report()

    assert [one.name for one in classes] == ["cgroup", "freezer", "scan"]
    assert classes[-1].is_usable == (sys.platform == "linux")
    assert {one.name for one in classes if one.is_usable} >= {
        place.kind for place in cgroup.places() if not cgroup.gap(place)
    }


def test_a_machine_without_any_hierarchy_has_no_place_and_the_report_says_so(
    machine: dict[str, str],
) -> None:
    machine["/proc/self/mountinfo"] = MOUNTS.splitlines()[0] + "\n"
    machine["/proc/self/cgroup"] = MEMBERSHIP

    assert cgroup.places() == []
    gaps = {one.name: one.gap for one in report.containment_report()}
    assert gaps["cgroup"] == gaps["freezer"] == "its hierarchy is not mounted"


def test_a_place_is_this_process_own_group_in_a_mounted_hierarchy(machine: dict[str, str]) -> None:
    machine["/proc/self/mountinfo"] = MOUNTS
    machine["/proc/self/cgroup"] = MEMBERSHIP

    assert cgroup.places() == [
        cgroup.Place(cgroup.CGROUP, "/sys/fs/cgroup/unified/user.slice/me"),
        cgroup.Place(cgroup.FREEZER, "/mnt/with space/inner"),
    ]


def test_a_group_outside_of_what_is_mounted_is_no_place(machine: dict[str, str]) -> None:
    machine["/proc/self/mountinfo"] = MOUNTS
    machine["/proc/self/cgroup"] = MEMBERSHIP.replace("/docker/1/inner", "/docker/2")

    assert [place.kind for place in cgroup.places()] == [cgroup.CGROUP]


def test_a_place_that_is_not_writable_has_a_gap_and_no_group(tmp_path: Path) -> None:
    missing = cgroup.Place(cgroup.CGROUP, str(tmp_path / "missing"))
    no_hierarchy = cgroup.Place(cgroup.CGROUP, str(tmp_path))

    assert "No such file" in cgroup.gap(missing)
    assert "No such file" in cgroup.gap(no_hierarchy)
    assert list(tmp_path.iterdir()) == []


def test_empty_groups_of_the_dead_are_removed_and_nothing_else(
    tmp_path: Path, brand: int, kind: str
) -> None:
    dead = subprocess.Popen(("/bin/true",))
    dead.wait()
    of_dead = tmp_path / f"{cgroup.PREFIX}{dead.pid}-{brand:x}"
    in_use = tmp_path / f"{cgroup.PREFIX}{dead.pid}-{brand + 1:x}"
    of_living = tmp_path / f"{cgroup.PREFIX}{os.getpid()}-{brand:x}"
    somebody_elses = tmp_path / f"other-{dead.pid}-{brand:x}"
    for path in (of_dead, in_use, of_living, somebody_elses):
        path.mkdir()
    (in_use / "cgroup.procs").touch()
    place = cgroup.Place(kind, str(tmp_path))

    cgroup.remove_stale(place)

    assert set(tmp_path.iterdir()) == {in_use, of_living, somebody_elses}
    assert [one.path for one in cgroup.groups_of(os.getpid(), [place])] == [str(of_living)]


def test_a_place_that_is_gone_holds_nothing(tmp_path: Path, kind: str) -> None:
    place = cgroup.Place(kind, str(tmp_path / "gone"))
    group = cgroup.KINDS[kind](str(tmp_path / "gone" / "group"))

    cgroup.remove_stale(place)

    assert list(cgroup.groups_of(os.getpid(), [place])) == []
    assert group.members() == []
    group.kill()
    assert group.remove()


def test_a_kill_that_the_kernel_refuses_is_no_reason_to_fail(tmp_path: Path, kind: str) -> None:
    for name in ("cgroup.kill", "freezer.state"):
        (tmp_path / name).mkdir()

    cgroup.KINDS[kind](str(tmp_path)).kill()


def test_the_members_of_a_group_are_those_of_the_groups_below_it_too(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "below" / "deeper").mkdir(parents=True)
    (tmp_path / "cgroup.procs").write_text("1\n2\n")
    (tmp_path / "below" / "cgroup.procs").write_text("")
    (tmp_path / "below" / "deeper" / "cgroup.procs").write_text("3\n")

    assert sorted(cgroup.KINDS[kind](str(tmp_path)).members()) == [1, 2, 3]


def test_a_freezer_kills_each_member_while_all_are_frozen_and_lets_them_die(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    started.extend(subprocess.Popen(SLEEP) for _ in range(2))
    (tmp_path / "freezer.state").write_text("THAWED\n")
    (tmp_path / "cgroup.procs").write_text("".join(f"{one.pid}\n" for one in started))

    cgroup.Freezer(str(tmp_path)).kill()

    assert [process.wait(10) for process in started] == [-signal.SIGKILL] * 2
    assert (tmp_path / "freezer.state").read_text().startswith("THAWED")


def test_in_a_real_hierarchy_groups_of_the_dead_are_removed_and_those_of_the_living_are_not(
    kind: str, brand: int
) -> None:
    place = usable(kind)
    if place is None:
        return  # the report has said why; there is nothing that could be removed
    dead = subprocess.Popen(("/bin/true",))
    dead.wait()
    of_dead = cgroup.KINDS[kind](f"{place.parent}/{cgroup.PREFIX}{dead.pid}-{brand:x}")
    of_living = cgroup.KINDS[kind](f"{place.parent}/{cgroup.PREFIX}{os.getpid()}-{brand:x}")
    of_dead.create()
    of_living.create()
    try:
        cgroup.remove_stale(place)

        assert not Path(of_dead.path).exists()
        assert Path(of_living.path).exists()
        assert [one.path for one in cgroup.groups_of(os.getpid(), [place])] == [of_living.path]
    finally:
        assert of_living.remove()


def test_removing_a_real_group_kills_what_is_in_it_and_in_groups_below(
    kind: str, brand: int, started: list[subprocess.Popen[bytes]]
) -> None:
    place = usable(kind)
    if place is None:
        return
    group = cgroup.KINDS[kind](f"{place.parent}/{cgroup.PREFIX}{os.getpid()}-{brand:x}")
    group.create()
    below = cgroup.KINDS[kind](f"{group.path}/below")
    below.create()
    for one in (group, below):
        started.append(subprocess.Popen(SLEEP))
        Path(one.path, "cgroup.procs").write_text(str(started[-1].pid))
    assert sorted(group.members()) == sorted(process.pid for process in started)

    while not group.remove():
        for process in started:  # a group holds its dead until they are reaped
            process.poll()

    assert [process.wait(10) for process in started] == [-signal.SIGKILL] * 2
    assert not any(is_alive(process.pid) for process in started)
    assert not Path(group.path).exists()

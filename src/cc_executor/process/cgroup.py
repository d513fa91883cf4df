"""Control groups: where the kernel itself keeps the list of an attempt's processes.

Version 2 (also the `unified` mount of a hybrid layout) freezes and kills a whole group at once.
Where only version 1 is writable, its freezer does the same in three steps. Nothing is configured
here and no limit is set: a group is a list from which nothing falls off.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

PREFIX: Final = "cc-executor-"
CGROUP: Final = "cgroup"
FREEZER: Final = "freezer"
SCAN: Final = "scan"

_PAUSE_S: Final = 0.001
_FREEZE_BOUND_S: Final = 2.0
#: Somebody else may be killing the same group, and thawing it.
_KILL_FREEZE_BOUND_S: Final = 0.1
_REMOVE_BOUND_S: Final = 1.0


class Group:
    """One control group of version 2 that holds the tree of one attempt.

    Args:
        path: Its directory.
    """

    kind = CGROUP

    def __init__(self, path: str) -> None:
        self.path = path

    def create(self) -> None:
        """Make it.

        Raises:
            OSError: This place is not writable, or its kernel cannot kill a group (before 5.14).
        """
        os.mkdir(self.path)
        try:
            os.stat(self._file("cgroup.kill"))
        except OSError:
            self.remove()
            raise

    def join(self) -> None:
        """Move the calling process into it; its future descendants are born there.

        Takes as long as an RCU grace period, 10 ms and more, when nobody has done it lately.

        Raises:
            OSError: Not allowed here.
        """
        _write(self._file("cgroup.procs"), b"0")

    def leave(self) -> None:
        """Move the calling process out of it again, to where it came from. As slow as `join`.

        Raises:
            OSError: Not allowed here.
        """
        _write(os.path.join(os.path.dirname(self.path), "cgroup.procs"), b"0")

    def members(self) -> list[int]:
        """Return the ids of the processes in it and in groups below it; none when it is gone."""
        return [
            int(pid)
            for path, _, _ in os.walk(self.path)
            for pid in _read(os.path.join(path, "cgroup.procs")).split()
        ]

    def freeze(self) -> None:
        """Freeze it; returns when it is frozen, or after 2 s, when it soon will be.

        Raises:
            OSError: It cannot be frozen.
        """
        _write(self._file("cgroup.freeze"), b"1")
        _until(lambda: b"frozen 1" in _read(self._file("cgroup.events")), _FREEZE_BOUND_S)

    def thaw(self) -> None:
        """Thaw it.

        Raises:
            OSError: It cannot be thawed.
        """
        _write(self._file("cgroup.freeze"), b"0")

    def kill(self) -> None:
        """Send SIGKILL to all of it at once, frozen or not.

        Never fails: somebody else may be removing the group (ENOENT, then ENODEV), and whoever
        kills a tree looks afterwards for what is left of it.
        """
        with contextlib.suppress(OSError):
            _write(self._file("cgroup.kill"), b"1")

    def remove(self) -> bool:
        """Remove it, killing what is in it; return whether it is gone."""
        return _until(self._removed, _REMOVE_BOUND_S)

    def _removed(self) -> bool:
        try:
            os.rmdir(self.path)
        except FileNotFoundError:
            return True
        except OSError:
            with contextlib.suppress(OSError):
                self._remove_groups_inside()
                self.kill()
            return False
        return True

    def _remove_groups_inside(self) -> None:
        """Remove empty groups that a nested cc-executor, or the agent itself, made and left."""
        for name, _, _ in os.walk(self.path, topdown=False):
            if name != self.path:
                with contextlib.suppress(OSError):
                    os.rmdir(name)

    def _file(self, name: str) -> str:
        return os.path.join(self.path, name)


class Freezer(Group):
    """A control group of version 1, in the freezer hierarchy."""

    kind = FREEZER

    def create(self) -> None:
        """Make it.

        Raises:
            OSError: This place is not writable.
        """
        os.mkdir(self.path)

    def freeze(self) -> None:
        """Freeze it; returns when it is frozen, or after 2 s, when it soon will be.

        Raises:
            OSError: It cannot be frozen.
        """
        self._freeze(_FREEZE_BOUND_S)

    def thaw(self) -> None:
        """Thaw it.

        Raises:
            OSError: It cannot be thawed.
        """
        _write(self._file("freezer.state"), b"THAWED")

    def kill(self) -> None:
        """Send SIGKILL to all of it: frozen, so that none can fork; then let them die."""
        with contextlib.suppress(OSError):
            self._freeze(_KILL_FREEZE_BOUND_S)
        for pid in self.members():
            # No id can pass to another process here: all that hold one are frozen, not dead.
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            self.thaw()

    def _freeze(self, within_s: float) -> None:
        _write(self._file("freezer.state"), b"FROZEN")
        _until(lambda: _read(self._file("freezer.state")) == b"FROZEN\n", within_s)


KINDS: Final = {CGROUP: Group, FREEZER: Freezer}


class Place(NamedTuple):
    """Where groups of one kind may be made: this process's own group in that hierarchy."""

    kind: str
    parent: str


def places() -> list[Place]:
    """Return what this system has, the better kind first. Nothing is tried out."""
    found = ((kind, own_group(kind)) for kind in KINDS)
    return [Place(kind, parent) for kind, parent in found if parent is not None]


def gap(place: Place) -> str:
    """Return why this process cannot use a place, "" when it can: a group is made and joined."""
    group = KINDS[place.kind](os.path.join(place.parent, f"{PREFIX}{os.getpid()}-probe"))
    try:
        group.create()
    except OSError as error:
        return f"{place.parent}: {error.strerror}"
    try:
        return _try_to_join(group)
    finally:
        group.remove()


def remove_stale(place: Place) -> None:
    """Remove groups whose supervisor died before it could."""
    with contextlib.suppress(OSError):
        for name in os.listdir(place.parent):
            owner = name.removeprefix(PREFIX).partition("-")[0]
            if name.startswith(PREFIX) and owner.isdecimal() and not _is_alive(int(owner)):
                # What is not empty cannot be removed: an attempt that is to be adopted.
                with contextlib.suppress(OSError):
                    os.rmdir(os.path.join(place.parent, name))


def groups_of(pid: int, usable: Iterable[Place]) -> Iterator[Group]:
    """Yield the groups that the supervisor with this process id has made."""
    for place in usable:
        with contextlib.suppress(OSError):
            for name in os.listdir(place.parent):
                if name.startswith(f"{PREFIX}{pid}-"):
                    yield KINDS[place.kind](os.path.join(place.parent, name))


def _try_to_join(group: Group) -> str:
    """Return why a child process cannot be moved into the group, "" when it can."""
    child = os.fork()
    if child == 0:
        try:
            group.join()
        except OSError as error:
            os._exit(error.errno or 1)
        except BaseException:  # noqa: BLE001  # a forked child must never return
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return f"{group.path}: {os.strerror(code)}" if code else ""


def own_group(kind: str) -> str | None:
    """Return the directory of this process's own group: in version 2, or of a controller in 1."""
    own = _own_path(kind)
    if own is None:
        return None
    for root, mount in _mounts(kind):
        below = os.path.relpath(own, root)
        if not below.startswith(".."):
            return os.path.normpath(os.path.join(mount, below))
    return None


def _own_path(kind: str) -> str | None:
    for line in _read("/proc/self/cgroup").decode(errors="surrogateescape").splitlines():
        _, controllers, path = line.split(":", 2)
        if (not controllers) if kind == CGROUP else (kind in controllers.split(",")):
            return path
    return None


def _mounts(kind: str) -> Iterator[tuple[str, str]]:
    """Yield (root inside the hierarchy, mount point) of each mount. Source: proc(5), mountinfo."""
    for line in _read("/proc/self/mountinfo").decode(errors="surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        file_system, _, options = after.split(" ", 2)
        if kind == CGROUP:
            fits = file_system == "cgroup2"
        else:
            fits = file_system == "cgroup" and kind in options.split(",")
        if fits:
            root, mount = before.split(" ")[3:5]
            yield root, mount.replace("\\040", " ")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _until(done: Callable[[], bool], within_s: float) -> bool:
    gives_up_at = time.monotonic() + within_s
    while not done():
        if time.monotonic() >= gives_up_at:
            return False
        time.sleep(_PAUSE_S)
    return True


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        parts = []
        while part := os.read(fd, 1 << 16):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)

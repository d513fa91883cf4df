"""The lock of an attempt: put in place once, whole, by whoever may decide what becomes of it.

A supervisor claims the attempt before it starts anything; an engine that finds no claim bars it,
and no supervisor that was slow can start it any more. Both write a file under another name and
link it to the final one, which succeeds for one of them only. A supervisor holds the file's lock
before it can be seen, for as long as it lives: it never looks dead while it is being born.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from typing import Any, Final, NamedTuple

from cc_executor.journal import layout
from cc_executor.journal.crash_points import reach

_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Claim(NamedTuple):
    """What a lock file says.

    Attributes:
        supervisor: Process id of the supervisor; 0 when there is none.
        brand: How the attempt's processes are recognised (`marks`).
        groups: Its control groups as (kind, directory).
    """

    supervisor: int
    brand: int
    groups: tuple[tuple[str, str], ...] = ()

    @property
    def is_barred(self) -> bool:
        """Whether the attempt was barred before any supervisor claimed it."""
        return self == BARRED


BARRED: Final = Claim(0, 0)
#: A power failure has emptied the file. Whatever there was, the machine has started anew since.
UNREADABLE: Final = Claim(0, -1)


class AlreadyClaimed(Exception):
    """Somebody else's claim is in place."""


def claim(folder: str, mine: Claim) -> int:
    """Claim the attempt and return the open lock file, which holds the lock until it is closed.

    Raises:
        AlreadyClaimed: Somebody was faster.
        OSError: The folder cannot be written.
    """
    name = os.path.join(folder, f"{layout.LOCK}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)  # of an earlier process with this id
    fd = os.open(name, _CREATE, layout.FILE_MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(fd, json.dumps(mine).encode())
        reach("supervisor.lock_held")
        os.link(name, os.path.join(folder, layout.LOCK))
    except FileExistsError:
        os.close(fd)
        raise AlreadyClaimed(folder) from None
    except BaseException:
        os.close(fd)
        raise
    finally:
        os.unlink(name)
    return fd


def bar(folder: str) -> bool:
    """Make sure that no supervisor can claim the attempt; return False when one has."""
    try:
        os.close(claim(folder, BARRED))
    except AlreadyClaimed:
        return False
    return True


def read(fd: int) -> Claim:
    """Return what an open lock file says; `UNREADABLE` when it says nothing."""
    try:
        supervisor, brand, groups = _values(os.pread(fd, 1 << 16, 0))
    except (ValueError, TypeError):
        return UNREADABLE
    pairs = tuple((str(kind), str(path)) for kind, path in groups)
    return Claim(int(supervisor), int(brand), pairs)


def _values(raw: bytes) -> Any:  # noqa: ANN401  # whatever JSON holds; the caller unpacks it
    return json.loads(raw)

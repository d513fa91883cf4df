"""What became of an attempt, read off its folder; settles what a dead supervisor left open.

Blocking (files, signals, scans): call it in a thread.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import time
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from cc_executor.journal import layout
from cc_executor.journal.crash_points import reach
from cc_executor.journal.recovery import recover
from cc_executor.model.outcomes import EndedBy, Executed
from cc_executor.process import claim, outcome, tree
from cc_executor.process.cgroup import KINDS
from cc_executor.process.claim import Claim
from cc_executor.process.marks import NAME
from cc_executor.process.tree import Swept, kill_marked

_logger = logging.getLogger(__name__)

_SWEEP_S: Final = 10.0
_DYING_S: Final = 1.0
_LOOK_AGAIN_S: Final = 0.005


class Alive(Enum):
    """The attempt has a living supervisor."""

    ALIVE = "alive"


ALIVE: Final = Alive.ALIVE


def settle(folder: Path) -> Executed | Alive | None:
    """Return what is known of an attempt, and make it final unless its supervisor lives.

    Returns:
        None when it was never started: it never will be. `ALIVE` when its supervisor lives.
        Else how it ended; `EndedBy.LOST` when its supervisor died unseen: what was left of its
        tree has been killed, and its journal has been put in order.
    """
    while True:
        try:
            lock = os.open(folder / layout.LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            if not folder.is_dir() or claim.bar(str(folder)):
                return None
            continue  # claimed in this very moment
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return ALIVE
        else:
            return _settle_dead(folder, claim.read(lock))
        finally:
            os.close(lock)


def kill_supervisor(folder: Path) -> None:
    """Kill a supervisor that lives and obeys nobody. Its tree is found and killed by `settle`."""
    lock = os.open(folder / layout.LOCK, os.O_RDWR | os.O_CLOEXEC)
    supervisor = tree.look(claim.read(lock).supervisor)
    try:
        # Whoever holds the lock is the process that it names: it wrote the name holding it.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if supervisor is not None:
            tree.send(supervisor, signal.SIGKILL)
    finally:
        os.close(lock)


def _settle_dead(folder: Path, found: Claim) -> Executed | None:
    """Settle an attempt whose lock the caller holds."""
    reach("settle.lock_taken")
    if found.is_barred:
        return None
    executed = _outcome_in(folder)
    if executed is not None:
        if not _is_at_work(found, within_s=0.0):
            _remove_groups(found)
        return executed
    swept = _kill_tree(found)
    reach("settle.swept")
    executed = _lost(folder, swept)
    _record(folder, executed)
    return executed


def _record(folder: Path, executed: Executed) -> None:
    file = outcome.OutcomeFile(str(folder))
    try:
        file.put(msgspec.to_builtins(executed))
        file.sync()
    except OSError as error:  # a full disk: what was found out holds all the same
        _logger.warning("outcome.unwritten", extra={"folder": str(folder), "error": str(error)})
    finally:
        file.close()


def _outcome_in(folder: Path) -> Executed | None:
    text = outcome.read(str(folder))
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Executed)
    except msgspec.DecodeError:
        return None  # a power failure ate it: nobody knows any more how it ended


def _kill_tree(found: Claim) -> Swept:
    killed: set[int] = set()
    is_at_work = _is_at_work(found, within_s=_DYING_S)
    for kind, path in () if is_at_work else found.groups:
        group = KINDS[kind](path)
        killed.update(group.members())
        group.kill()
    swept = kill_marked(found.brand, within_s=_SWEEP_S)
    if not is_at_work:
        _remove_groups(found)
    return Swept(swept.killed | killed, swept.survivors)


def _is_at_work(found: Claim, *, within_s: float) -> bool:
    """Tell whether the supervisor, which has let go of this attempt, lives and may have another.

    Its groups are then those of the other attempt, whose tree must not be killed with this one's.

    Args:
        found: The claim of an attempt whose lock the caller holds.
        within_s: How long one that is dying, and has lost its locks already, may take.
    """
    gives_up_at = time.monotonic() + within_s
    while _is_supervisor(found.supervisor):
        if time.monotonic() >= gives_up_at:
            return True
        time.sleep(_LOOK_AGAIN_S)
    return False


def _is_supervisor(pid: int) -> bool:
    """Tell whether a living process has this id and the name of supervisors."""
    process = tree.look(pid)
    if process is None or process.is_dead:
        return False
    try:
        return Path(f"/proc/{pid}/comm").read_bytes().rstrip(b"\n") == NAME
    except OSError:
        return False


def _remove_groups(found: Claim) -> None:
    for kind, path in found.groups:
        KINDS[kind](path).remove()


def _lost(folder: Path, swept: Swept) -> Executed:
    captured = recover(str(folder))
    problem = "its supervisor died"
    if swept.survivors:
        problem += f"; could not be killed: {_listed(swept.survivors)}"
    return Executed(
        ended_by=EndedBy.LOST,
        swept=len(swept.killed),
        ended_at=time.time(),
        output_bytes=captured.stdout + captured.stderr,
        stdout_bytes=captured.stdout,
        stderr_bytes=captured.stderr,
        error=problem,
    )


def _listed(pids: Iterable[int]) -> str:
    return ", ".join(str(pid) for pid in pids)

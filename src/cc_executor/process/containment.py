"""A living supervisor's hold on its tree: freeze, thaw and kill all of it.

Standard library only: supervisors import it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable

from cc_executor.process.cgroup import Group
from cc_executor.process.tree import (
    Process,
    Swept,
    descendants,
    everybody,
    kill_below,
    resume,
    stop_below,
)

_STOP_BOUND_S = 2.0


class Containment:
    """The tree below this process, and its control group when it has one.

    A group reaches all of its members at one instant. It is never trusted alone: a program may be
    allowed to move itself to another group, but it cannot stop being our descendant.

    The supervisor itself is in the group, so that its child is born there, and leaves it when it
    must: moving a process takes longer than most short programs run.

    Args:
        group: The group that this process is in, to contain its tree; None when there is none.
        reap: Reaps what has ended; returns whether any child is left.
    """

    def __init__(self, group: Group | None, reap: Callable[[], bool]) -> None:
        self.has_left = False
        self._group = group
        self._reap = reap
        self._leader: int | None = None
        self._stopped: list[Process] = []

    def started(self, child: int) -> None:
        """Note the child, which leads its own session."""
        self._leader = child

    @property
    def group(self) -> Group | None:
        """The group of the tree, None when there is none."""
        return self._group

    def members(self) -> list[int]:
        """Return the processes of the tree, without this one."""
        group = self._group
        if group is not None:
            return [pid for pid in group.members() if pid != os.getpid()]
        return [one.pid for one in descendants((os.getpid(),), everybody())]

    def leave(self) -> None:
        """Leave the group to the tree: what may hit all of it must not hit this process."""
        self._group_of_tree()

    def freeze(self) -> None:
        """Let nothing of the tree run.

        Raises:
            OSError: The group cannot be frozen.
        """
        members: list[int] = []
        group = self._group_of_tree()
        if group is not None:
            group.freeze()
            members = group.members()
        self._stopped += stop_below(os.getpid(), frozenset(members), within_s=_STOP_BOUND_S)
        if sys.platform != "linux":
            self._signal_session(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run again."""
        if self._group is not None:
            self._group.thaw()
        stopped, self._stopped = self._stopped, []
        resume(stopped)
        if sys.platform != "linux":
            self._signal_session(signal.SIGCONT)

    def kill(self, *, within_s: float) -> Swept:
        """Kill all of it, and reap it."""
        members: frozenset[int] = frozenset()
        group = self._group_of_tree()
        if group is not None:
            members = frozenset(group.members())
            group.kill()
        if sys.platform != "linux":
            self._signal_session(signal.SIGKILL)
        swept = kill_below(os.getpid(), reap=self._reap, within_s=within_s)
        return Swept(swept.killed | members, swept.survivors)

    def _group_of_tree(self) -> Group | None:
        """Return the group without this process in it; None from when that is impossible."""
        if self._group is not None and not self.has_left:
            self.has_left = True
            try:
                self._group.leave()
            except OSError:
                self._group = None
        return self._group

    def _signal_session(self, number: int) -> None:
        """Signal the child's process group: the weaker class of systems without /proc."""
        if self._leader is not None:
            with contextlib.suppress(OSError):
                os.killpg(self._leader, number)

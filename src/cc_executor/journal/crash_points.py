"""Places where a crash would matter, by name; tests kill the process at each of them.

Standard library only, and next to free when nothing is armed: supervisors import it.
"""

from __future__ import annotations

import os
import signal
from typing import Final

#: The variable that arms one point: its name, or `name:N` for the Nth time it is reached.
VARIABLE: Final = "CC_EXECUTOR_CRASH_POINT"

#: Every name that `reach` is called with, and what has happened when it is reached.
CRASH_POINTS: Final = {
    "client.launch_sent": "a supervisor was given the launch, there is no attempt folder",
    "client.folder_written": "the attempt folder is there, the word to start was not given",
    "client.permitted": "a supervisor was given the word to start, its answer has not come",
    "supervisor.launch_received": "it has the launch, nothing in the folder says so",
    "supervisor.lock_held": "its lock file is complete and held, under a temporary name",
    "supervisor.claimed": "the lock is in place, the child is not started",
    "supervisor.child_started": "the child runs, the engine was not told",
    "supervisor.output_captured": "output was captured, the engine was not told",
    "supervisor.stopping": "a stop began, its first rung has not been climbed",
    "supervisor.child_reaped": "the child is reaped, what it left behind is alive",
    "supervisor.tree_gone": "the whole tree is gone, no outcome is written",
    "supervisor.outcome_written": "the outcome stands under its temporary name",
    "supervisor.outcome_in_place": "the outcome is in place, the engine was not told",
    "supervisor.engine_told": "the engine was told, the outcome is not yet synced",
    "writer.data_written": "bytes are in `output`, no index record tells of them",
    "writer.index_written": "bytes and their index record are written",
    "spawner.started": "the spawner runs and has forked nothing",
    "spawner.forked": "a supervisor was forked, the engine was not told",
    "settle.lock_taken": "an adopting engine holds a dead supervisor's lock",
    "settle.swept": "what was left of the tree is gone, no outcome is written",
}

_name, _, _count = os.environ.get(VARIABLE, "").partition(":")
_left = int(_count or 1)


def reach(name: str) -> None:
    """Die here by SIGKILL if a test armed this point, else do nothing."""
    if name == _name:
        _count_down()


def _count_down() -> None:
    global _left  # noqa: PLW0603  # a process has one armed point
    _left -= 1
    if _left == 0:
        signal.raise_signal(signal.SIGKILL)
